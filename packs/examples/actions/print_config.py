from st2common.runners.base_action import Action


class PrintConfigAction(Action):
    def run(self):
        # Names alone: what is printed is not masked, and some values are secrets.
        for name in sorted(self.config or {}):
            print(name)
        return (self.config or {}).get("region")
