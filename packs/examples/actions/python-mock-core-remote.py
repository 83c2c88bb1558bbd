from st2common.runners.base_action import Action


class MockCoreRemote(Action):
    def run(self, cmd, hosts, hosts_dict):
        if hosts_dict:
            return hosts_dict
        if not hosts:
            return None
        names = [name.strip() for name in hosts.split(",") if name.strip()]
        return {
            name: {"failed": False, "succeeded": True, "stderr": "", "stdout": cmd, "return_code": 0}
            for name in names
        }
