"""The datastore as actions and sensors see it, through st2d's API."""

import os

from st2common.constants.keyvalue import DATASTORE_KEY_SEPARATOR, SYSTEM_SCOPE
from st2common.services.rest import Rest, quoted
from st2common.util.api import get_full_public_api_url

__all__ = ["ActionDatastoreService", "BaseDatastoreService", "KeyValuePair", "SensorDatastoreService"]

# What StackStorm asks for when nobody says how many.
_PAGE = 100

_NO_CLIENT = (
    "get_api_client() gives a client of the package st2client, which this interpreter (%s) can't import: %s. "
    "Add st2client to requirements.txt of the pack and set its virtualenv up again."
)


class KeyValuePair:
    """An item of the datastore."""

    def __init__(self, **fields):
        self.name = self.value = None
        for name, value in fields.items():
            setattr(self, name, value)

    def __repr__(self):
        return "<KeyValuePair name=%s,value=%s>" % (self.name, self.value)


class BaseDatastoreService:
    """Items by name. Names are local to the action or sensor unless `local` is false."""

    DATASTORE_NAME_SEPARATOR = DATASTORE_KEY_SEPARATOR

    def __init__(self, logger, pack_name, class_name):
        self._logger = logger
        self._pack_name = pack_name
        self._class_name = class_name
        self._client = None
        self._rest = None

    def get_user_info(self):
        """The user that the calls are made as, how it is authenticated, and its roles."""
        rest = self._get_rest()
        self._logger.debug("Retrieving user information")
        return rest.call("GET", "/user")

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        """The items whose names begin with `prefix`."""
        rest = self._get_rest()
        self._logger.debug("Retrieving all the values from the datastore")
        query = {"prefix": self._get_full_key_prefix(local, prefix), "limit": limit or _PAGE, "offset": offset}
        return [KeyValuePair(**fields) for fields in rest.call("GET", "/keys", query)]

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        """The value of an item; None when there is none, or when asking for it failed, which is logged."""
        self._check(scope)
        name = self._get_full_key_name(name, local)
        rest = self._get_rest()
        self._logger.debug("Retrieving value from the datastore (name=%s)", name)
        query = {"decrypt": str(decrypt).lower(), "scope": scope}
        try:
            found = rest.call("GET", "/keys/" + quoted(name), query, absent_is_none=True)
        except Exception as error:
            self._logger.exception("Exception retrieving value from datastore (name=%s): %s", name, error)
            return None
        return found["value"] if found else None

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        """Stores `str(value)`, for `ttl` seconds when that is given; True, or an error."""
        self._check(scope)
        name = self._get_full_key_name(name, local)
        body = {"name": name, "value": str(value), "scope": scope}
        if encrypt:
            body["secret"] = True
        if ttl:
            body["ttl"] = ttl
        rest = self._get_rest()
        self._logger.debug("Setting value in the datastore (name=%s)", name)
        rest.call("PUT", "/keys/" + quoted(name), body=body)
        return True

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        """Deletes an item, also one that isn't there; False when that failed, which is logged."""
        self._check(scope)
        name = self._get_full_key_name(name, local)
        rest = self._get_rest()
        self._logger.debug("Deleting value from the datastore (name=%s)", name)
        try:
            rest.call("DELETE", "/keys/" + quoted(name), {"scope": scope}, absent_is_none=True)
        except Exception as error:
            self._logger.exception("Exception deleting value from datastore (name=%s): %s", name, error)
            return False
        return True

    def get_api_client(self):
        """A client of the package `st2client` for all else that the API can do."""
        if self._client is None:
            import sys

            try:
                from st2client.client import Client
            except ImportError as error:
                raise ImportError(_NO_CLIENT % (sys.executable, error)) from error
            self._client = Client(api_url=get_full_public_api_url(), token=self._get_token())
        return self._client

    def _get_token(self):
        raise NotImplementedError("_get_token() not implemented")

    def _get_rest(self):
        if self._rest is None:
            self._logger.debug("Creating new Client object.")
            self._rest = Rest(get_full_public_api_url(), self._get_token())
        return self._rest

    @staticmethod
    def _check(scope):
        if scope != SYSTEM_SCOPE:
            raise ValueError("Scope %s is unsupported." % scope)

    def _get_full_key_name(self, name, local):
        return self._get_local_key_name_prefix() + name if local else name

    def _get_full_key_prefix(self, local, prefix=None):
        return self._get_local_key_name_prefix() + (prefix or "") if local else prefix

    def _get_local_key_name_prefix(self):
        return "%s.%s%s" % (self._pack_name, self._class_name, self.DATASTORE_NAME_SEPARATOR)


class ActionDatastoreService(BaseDatastoreService):
    """For actions: with the token that the run was given, which ends with it."""

    def __init__(self, logger, pack_name, class_name, auth_token):
        super().__init__(logger, pack_name, class_name)
        self._auth_token = auth_token

    def _get_token(self):
        return self._auth_token


class SensorDatastoreService(BaseDatastoreService):
    """For sensors: with the token of their process."""

    def __init__(self, logger, pack_name, class_name, api_username=None):
        super().__init__(logger, pack_name, class_name)
        self._api_username = api_username

    def _get_token(self):
        return os.environ.get("ST2_AUTH_TOKEN")
