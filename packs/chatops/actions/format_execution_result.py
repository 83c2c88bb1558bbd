"""Says what came of an execution, as its alias wants it said."""
import os

import six
from lib.chat import Chat
from st2common.runners.base_action import Action
from st2common.util.jinja import render_values

# For aliases that do not say how.
_DEFAULT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "templates", "default.j2")

# Large, and of no use in a message.
_LEFT_OUT = ("trigger", "trigger_type", "trigger_instance", "liveaction")


class FormatExecutionResult(Action):
    def run(self, execution_id):
        if not execution_id:
            raise ValueError("There is no execution to format: execution_id is empty.")
        chat = Chat()
        execution = {name: part for name, part in chat.execution(execution_id).items() if name not in _LEFT_OUT}
        context = {"execution": execution, "six": six}
        wish = {}
        reference = execution.get("context", {}).get("action_alias_ref") or {}
        if reference.get("id"):
            alias = chat.alias(reference["id"])
            context["alias"] = alias
            wish = (alias or {}).get("result") or {}
        if not wish.get("enabled", True):
            return {"enabled": False, "message": render(default_template(), context)}
        answer = {"enabled": True, "message": render(wish.get("format") or default_template(), context)}
        if "extra" in wish:
            answer["extra"] = render(wish["extra"], context)
        return answer


def default_template():
    with open(_DEFAULT, encoding="utf-8") as template:
        return template.read()


def render(value, context):
    """Templates anywhere in a value; what is not defined is empty."""
    return render_values({"value": value}, context, allow_undefined=True)["value"]
