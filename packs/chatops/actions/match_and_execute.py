"""Runs the action that a text means, and waits for its end."""
from lib.chat import Chat
from st2common.runners.base_action import Action


class MatchAndExecute(Action):
    def run(self, text, source_channel=None, user=None):
        chat = Chat()
        alias, representation = chat.match(text)
        execution_id = chat.execute(alias, representation, text, source_channel, user)
        chat.wait(execution_id)
        return execution_id
