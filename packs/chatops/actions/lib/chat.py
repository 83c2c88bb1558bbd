"""What the actions of this pack ask of the API. The standard library is enough: no virtualenv is needed."""
import os
import time

from st2common.services.rest import Rest, quoted

# An execution that is in none of these has ended, or waits for somebody.
_UNDER_WAY = ("requested", "delayed", "scheduled", "running", "pausing", "resuming", "canceling")

# Most executions asked for in a chat are short; a long one need not be looked at ten times a second.
_FIRST_LOOK, _LAST_LOOK = 0.1, 2.0


class Chat:
    def __init__(self):
        self._rest = Rest(os.environ["ST2_ACTION_API_URL"], os.environ.get("ST2_ACTION_AUTH_TOKEN"))

    def match(self, text):
        """The alias that a text means, and its format that fits."""
        found = self._rest.call("POST", "/actionalias/match", body={"command": text})
        return found["actionalias"], found["representation"]

    def execute(self, alias, representation, text, source_channel, user):
        """Runs the action of an alias; answers the execution's id."""
        body = {"name": alias["name"], "format": representation, "command": text}
        body["source_channel"] = source_channel or ""
        if user:
            body["user"] = user
        return self._rest.call("POST", "/aliasexecution", body=body)["execution"]["id"]

    def wait(self, execution_id):
        """Waits until an execution has ended or waits for somebody."""
        pause = _FIRST_LOOK
        while self.execution(execution_id, "status")["status"] in _UNDER_WAY:
            time.sleep(pause)
            pause = min(pause * 1.5, _LAST_LOOK)

    def execution(self, execution_id, attributes=None):
        query = {"include_attributes": attributes}
        return self._rest.call("GET", "/executions/" + quoted(execution_id), query)

    def alias(self, alias_id):
        """An alias by its id; None if it is gone."""
        return self._rest.call("GET", "/actionalias/" + quoted(alias_id), absent_is_none=True)
