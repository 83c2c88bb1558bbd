import sys
import time

from st2common.runners.base_action import Action


class PrintAction(Action):
    def run(self, count):
        for number in range(count):
            # To both streams, as programs do.
            stream = sys.stderr if number % 2 else sys.stdout
            print("Line: {}".format(number), file=stream, flush=True)
            time.sleep(0.2)
        # A tuple of success and result; a result alone succeeds.
        return (True, {"lines": count})
