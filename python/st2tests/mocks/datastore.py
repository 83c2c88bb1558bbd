"""A datastore in memory."""

from st2common.constants.keyvalue import SYSTEM_SCOPE
from st2common.services.datastore import BaseDatastoreService, KeyValuePair

__all__ = ["MockDatastoreService"]


class MockDatastoreService(BaseDatastoreService):
    """Keeps items in a dictionary; an API client it has not."""

    def __init__(self, logger, pack_name, class_name, api_username=None):
        super().__init__(logger, pack_name, class_name)
        self._username = api_username or "admin"
        self._datastore_items = {}

    def get_user_info(self):
        return {
            "username": self._username,
            "rbac": {"is_admin": True, "enabled": True, "roles": ["admin"]},
            "authentication": {"method": "authentication token", "location": "header"},
        }

    def list_values(self, local=True, limit=None, prefix=None, offset=0):
        begin = self._get_full_key_prefix(local, prefix) or ""
        return [item for name, item in self._datastore_items.items() if name.startswith(begin)]

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        item = self._datastore_items.get(self._get_full_key_name(name, local))
        return item.value if item else None

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        name = self._get_full_key_name(name, local)
        item = KeyValuePair(id=name, name=name, value=value)
        if ttl:
            self._logger.warning("MockDatastoreService is not able to expire keys based on ttl.")
            item.ttl = ttl
        self._datastore_items[name] = item
        return True

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        return self._datastore_items.pop(self._get_full_key_name(name, local), None) is not None

    def get_api_client(self):
        raise NotImplementedError("a test has no API; give action_service.datastore_service a mock of your own")
