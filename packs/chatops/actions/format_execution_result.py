"""Says what came of an execution, as its alias wants it said."""
from st2common.runners.base_action import Action
from st2common.util.jinja import render_values

# For aliases that do not say how. Every runner has another kind of result.
DEFAULT = """\
Action {{ execution.action.ref }} {{ execution.status }}.
Status: {{ execution.status }}
Execution: {{ execution.id }}
{% if execution.web_url %}Web URL: {{ execution.web_url }}
{% endif %}{% if execution.elapsed_seconds is defined %}Took {{ execution.elapsed_seconds | round | int }} s
{% endif %}{% set result = execution.result %}\
{% if result.stdout %}STDOUT: {{ result.stdout }}
{% endif %}{% if result.stderr %}STDERR: {{ result.stderr }}
{% endif %}{% if result.result %}RESULT: {{ result.result }}
{% endif %}{% if result.error %}ERROR: {{ result.error }}
{% endif %}"""


class FormatExecutionResult(Action):
    def run(self, execution_id):
        client = self.action_service.datastore_service.get_api_client()
        execution = client.executions.get_by_id(execution_id).to_dict()
        alias = self.alias_of(client, execution)
        wish = (alias or {}).get("result") or {}
        if wish.get("enabled") is False:
            return {"enabled": False}
        context = {"execution": execution, "alias": alias or {}}
        answer = {"enabled": True, "message": render(wish.get("format") or DEFAULT, context)}
        if wish.get("extra"):
            answer["extra"] = render(wish["extra"], context)
        return answer

    @staticmethod
    def alias_of(client, execution):
        reference = execution.get("context", {}).get("action_alias_ref") or {}
        if not reference.get("id"):
            return None
        alias = client.managers["ActionAlias"].get_by_id(reference["id"])
        return alias.to_dict() if alias else None


def render(value, context):
    """Templates anywhere in a value; what is not defined is empty."""
    return render_values({"value": value}, context, allow_undefined=True)["value"]
