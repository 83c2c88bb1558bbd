import sys

from st2common.runners.base_action import Action


class PrintPythonVersionAction(Action):
    def run(self):
        print(f"Using Python executable: {sys.executable}")
        print(f"Using Python version: {sys.version}")
