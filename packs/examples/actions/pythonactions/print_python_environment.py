import os
import platform
import sys

from st2common.runners.base_action import Action


class PrintPythonEnvironmentAction(Action):
    def run(self):
        print(f"Using Python executable: {sys.executable}")
        print(f"Using Python version: {sys.version}")
        print(f"Platform: {platform.platform()}")
        print(f"PYTHONPATH: {os.environ.get('PYTHONPATH')}")
        print(f"sys.path: {sys.path}")
