"""Dispatches a trigger, as if a sensor had seen something."""
from st2common.runners.base_action import Action


class InjectTriggerAction(Action):
    def run(self, trigger=None, trigger_name=None, payload=None, trace_tag=None):
        # `trigger` is the name this parameter had first.
        if trigger and trigger_name:
            raise ValueError("Parameters `trigger` and `trigger_name` are mutually exclusive.")
        name = trigger_name or trigger
        if not name:
            raise ValueError("You must include the `trigger_name` parameter.")

        client = self.action_service.datastore_service.get_api_client()
        self.logger.debug("Injecting trigger %s", name)
        client.managers["Webhook"].post_generic_webhook(trigger=name, payload=payload or {}, trace_tag=trace_tag)
        return {"trigger": name, "payload": payload, "trace_tag": trace_tag}
