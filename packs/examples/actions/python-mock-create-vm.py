import uuid

from st2common.runners.base_action import Action


class CreateVM(Action):
    """Answers as if it had made a machine."""

    def run(self, vm_name, ip, cpu_cores=1, memory_mb=1024):
        made = {"vm_name": vm_name, "cpu_cores": cpu_cores, "memory_mb": memory_mb}
        return {"vm_id": f"vm-{uuid.uuid4().hex[:8]}", ip: made}
