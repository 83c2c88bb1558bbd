from st2common.runners.base_action import Action


class PrimeCheckerAction(Action):
    def run(self, value):
        self.logger.debug("value=%s", value)
        if value < 2:
            return False
        return all(value % divisor for divisor in range(2, int(value**0.5) + 1))
