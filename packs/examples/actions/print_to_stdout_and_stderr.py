import sys
import time

from st2common.runners.base_action import Action


class PrintAction(Action):
    def run(self, count=100, sleep_delay=0.5):
        for number in range(1, count + 1):
            name = "stderr" if number % 2 else "stdout"
            print(f"{name} -> Line: {number}", file=getattr(sys, name), flush=True)
            time.sleep(sleep_delay)
