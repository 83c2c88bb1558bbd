"""What an action finds in `self.action_service`, and what it has in common with the service of a sensor."""

import os


class Wrapper:
    """Who runs the action; the compatibility package and packs' tests read these underscored names."""

    def __init__(self, order):
        self._pack = order["pack"]
        self._file_path = order["file_path"]
        self._config = order.get("config") or {}
        self._config_path = order.get("config_path")
        self._parameters = order.get("parameters") or {}
        self._user = order.get("user")
        self._log_level = order.get("log_level") or "DEBUG"
        self._class_name = None


class Shortcuts:
    """The commonest of what `self.datastore_service` can do, for services of actions and of sensors."""

    def get_user_info(self):
        """The user that calls are made as, how it is authenticated, and its roles."""
        return self.datastore_service.get_user_info()

    def get_value(self, name, local=True, scope="system", decrypt=False):
        """The value of an item, None when there is none."""
        return self.datastore_service.get_value(name=name, local=local, scope=scope, decrypt=decrypt)

    def set_value(self, name, value, ttl=None, local=True, scope="system", encrypt=False):
        """Stores `str(value)`, for `ttl` seconds when that is given."""
        return self.datastore_service.set_value(
            name=name, value=value, ttl=ttl, local=local, scope=scope, encrypt=encrypt
        )

    def delete_value(self, name, local=True, scope="system"):
        """Deletes an item; False when that failed."""
        return self.datastore_service.delete_value(name=name, local=local, scope=scope)


class ActionService(Shortcuts):
    """Who the user is, and the datastore, with the token that this run was given."""

    def __init__(self, action_wrapper):
        self._action_wrapper = action_wrapper
        self._datastore_service = None

    @property
    def datastore_service(self):
        """The datastore, all of it; the methods here are its commonest."""
        if not self._datastore_service:
            from st2common.runners.utils import get_logger_for_python_runner_action
            from st2common.services.datastore import ActionDatastoreService

            wrapper = self._action_wrapper
            self._datastore_service = ActionDatastoreService(
                logger=get_logger_for_python_runner_action(
                    action_name=wrapper._class_name, log_level=wrapper._log_level
                ),
                pack_name=wrapper._pack,
                class_name=wrapper._class_name,
                auth_token=os.environ.get("ST2_ACTION_AUTH_TOKEN"),
            )
        return self._datastore_service

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        """The items whose names begin with `prefix`, of this action alone unless `local` is false."""
        return self.datastore_service.list_values(local=local, prefix=prefix, limit=limit, offset=offset)
