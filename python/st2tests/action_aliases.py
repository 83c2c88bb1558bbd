"""Tests of aliases."""

import os

from st2common.exceptions.content import ParseException
from st2common.models.utils.action_alias_utils import extract_parameters, extract_parameters_for_action_alias_db
from st2tests.pack_resource import BasePackResourceTestCase

__all__ = ["BaseActionAliasTestCase"]


class Alias:
    """An alias as its file describes it."""

    def __init__(self, pack, fields):
        self.pack = pack
        self.description = self.ack = self.result = self.extra = self.immutable_parameters = None
        self.enabled = True
        self.formats = []
        for name, value in fields.items():
            setattr(self, name, value)
        self.ref = "%s.%s" % (self.pack, self.name)

    def get_format_strings(self):
        """Every format a command may have."""
        found = []
        for item in self.formats:
            texts = item.get("representation", []) if isinstance(item, dict) else item
            found += [texts] if isinstance(texts, str) else texts
        return found


class BaseActionAliasTestCase(BasePackResourceTestCase):
    """A test of the alias `action_alias_name`, which is `self.action_alias_db`."""

    action_alias_name = None
    action_alias_db = None

    def setUp(self):
        super().setUp()
        if not self.action_alias_name:
            raise ValueError('"action_alias_name" class attribute needs to be provided')
        self.action_alias_db = self._get_action_alias_db_by_name(self.action_alias_name)

    def assertCommandMatchesExactlyOneFormatString(self, format_strings, command):
        """Fails when the command fits none of the formats, or more than one."""
        matched = [text for text in format_strings if _fits(text, command)]
        if not matched:
            raise AssertionError('Command "%s" didn\'t match any of the provided format strings' % command)
        if len(matched) > 1:
            raise AssertionError('Command "%s" matched multiple format strings: %s' % (command, ", ".join(matched)))

    def assertExtractedParametersMatch(self, format_string, command, parameters):
        """Fails unless the command gives these parameters by that format."""
        extracted = extract_parameters_for_action_alias_db(self.action_alias_db, format_string, command)
        message = (
            'Extracted parameters from command string "%s" against format string "%s"'
            " didn't match the provided parameters: " % (command, format_string)
        )
        self.assertEqual(extracted, parameters, message)

    def _get_action_alias_db_by_name(self, name):
        base = self._get_base_pack_path()
        pack = _pack_name(base)
        directory = os.path.join(base, "aliases")
        for file in sorted(os.listdir(directory)):
            if file.endswith((".yaml", ".yml", ".json")):
                fields = _load(os.path.join(directory, file))
                if fields.get("name") == name:
                    return Alias(pack, fields)
        raise ValueError('Alias with name "%s" not found' % name)


def _fits(text, command):
    try:
        extract_parameters(text, command)
    except ParseException:
        return False
    return True


def _pack_name(base):
    path = os.path.join(base, "pack.yaml")
    metadata = _load(path) if os.path.isfile(path) else {}
    name = metadata.get("ref") or metadata.get("name")
    return name.lower().replace(" ", "_").replace("-", "_") if name else os.path.basename(base)


def _load(path):
    try:
        import yaml
    except ImportError as error:
        raise ImportError("Tests of aliases read YAML: install PyYAML in the interpreter that runs them") from error
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file) or {}
