"""Makes a UUID."""
import uuid

from st2common.runners.base_action import Action


class GenerateUUID(Action):
    def run(self, uuid_type="uuid4"):
        makers = {"uuid1": uuid.uuid1, "uuid4": uuid.uuid4}
        if uuid_type not in makers:
            raise ValueError("Unknown uuid_type %r: it is uuid1 or uuid4" % uuid_type)
        return str(makers[uuid_type]())
