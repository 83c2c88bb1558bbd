import random
import subprocess

from st2common.runners.base_action import Action


class DigAction(Action):
    def run(self, rand, count, nameserver, hostname, queryopts, querytype):
        command = ["dig"]
        if nameserver:
            command.append("@" + nameserver)
        command += ["+" + option for option in (queryopts or "").split(",") if option]
        # Anything else than a name could be an option.
        command += ["-q", hostname, "-t", querytype]
        try:
            answer = subprocess.run(command, capture_output=True, check=False, text=True)
        except FileNotFoundError:
            return (
                False,
                "Can't find dig installed in the path (usually /usr/bin/dig). If dig isn't installed, you can "
                "install it with 'sudo yum install bind-utils' or 'sudo apt install dnsutils'",
            )
        if answer.returncode != 0:
            self.logger.error("dig ended with %s: %s", answer.returncode, answer.stderr.strip())
        text = answer.stdout
        if querytype.lower() == "txt":
            text = text.replace('"', "")
        lines = [line for line in text.split("\n") if line]
        if 0 < count < len(lines):
            lines = lines[:count]
        if rand:
            random.shuffle(lines)
        return lines
