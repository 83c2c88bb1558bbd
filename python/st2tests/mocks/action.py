"""The service of an action under test."""

from logging import RootLogger
from unittest.mock import Mock

from st2_runner.service import ActionService
from st2tests.mocks.datastore import MockDatastoreService

__all__ = ["MockActionService", "MockActionWrapper"]


class MockActionWrapper:
    """Who would run the action."""

    def __init__(self, pack, class_name):
        self._pack = pack
        self._class_name = class_name


class MockActionService(ActionService):
    """An action's service, with a datastore in memory and a logger that tests may look at."""

    def __init__(self, action_wrapper):
        super().__init__(action_wrapper)
        self._logger = Mock(spec=RootLogger)
        self._datastore_service = MockDatastoreService(
            logger=self._logger, pack_name=action_wrapper._pack, class_name=action_wrapper._class_name
        )

    @property
    def datastore_service(self):
        return self._datastore_service
