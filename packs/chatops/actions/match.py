"""Tells which action alias a text means."""
from lib.chat import Chat
from st2common.runners.base_action import Action


class Match(Action):
    def run(self, text):
        alias, representation = Chat().match(text)
        shown = {name: alias[name] for name in ("name", "pack", "action_ref")}
        return {"alias": shown, "representation": representation}
