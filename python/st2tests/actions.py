"""Tests of actions."""

from st2common.runners.utils import get_action_class_instance
from st2tests.mocks.action import MockActionService, MockActionWrapper
from st2tests.pack_resource import BasePackResourceTestCase

__all__ = ["BaseActionTestCase"]


class BaseActionTestCase(BasePackResourceTestCase):
    """A test of the action `action_cls`, whose datastore is `self.action_service`, in memory."""

    action_cls = None

    def setUp(self):
        super().setUp()
        wrapper = MockActionWrapper(pack="tests", class_name=self.action_cls.__name__)
        self.action_service = MockActionService(action_wrapper=wrapper)

    def get_action_instance(self, config=None):
        """An instance as a run would have it."""
        return get_action_class_instance(self.action_cls, config, self.action_service)
