"""Waits, and says how long it waited."""
import random
import time

from st2common.runners.base_action import Action


class PauseAction(Action):
    def run(self, max_pause, random=False):
        pause = draw(max_pause) if random else max_pause
        time.sleep(pause)
        return pause


def draw(most):
    # The action has a parameter named like the module.
    return random.randint(0, most)
