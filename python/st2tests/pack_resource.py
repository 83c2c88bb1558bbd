"""What tests of a pack's parts have in common."""

import inspect
import os
import unittest

__all__ = ["BasePackResourceTestCase"]


class BasePackResourceTestCase(unittest.TestCase):
    """A test that lies in `tests/` of a pack."""

    def get_fixture_content(self, fixture_path):
        """The text of a file in `tests/fixtures/`."""
        path = os.path.join(self._get_base_pack_path(), "tests", "fixtures", fixture_path)
        with open(path, encoding="utf-8") as file:
            return file.read()

    def _get_base_pack_path(self):
        return os.path.abspath(os.path.join(os.path.dirname(inspect.getfile(type(self))), ".."))
