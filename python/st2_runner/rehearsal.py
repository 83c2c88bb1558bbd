"""The action that a fork made ahead runs before it waits; see `child`."""

from st2common.runners.base_action import Action


class Rehearsal(Action):
    """Does nothing."""

    def run(self):
        return {"config": dict(self.config)}
