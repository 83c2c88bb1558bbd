import json

from st2common.runners.base_action import Action


class LoadAndPrintFixtureAction(Action):
    def run(self, file_path):
        with open(file_path, encoding="utf-8") as file:
            return json.load(file)
