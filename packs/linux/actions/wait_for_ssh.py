import os
import subprocess
import time

from st2common.runners.base_action import Action


class WaitForSsh(Action):
    def run(self, hostname, port, username, password=None, keyfile=None, ssh_timeout=5, sleep_delay=20, retries=10):
        command, env = self._command(hostname, port, username, password, keyfile, ssh_timeout)
        for attempt in range(1, retries + 1):
            self.logger.debug("SSH connection attempt: %s", attempt)
            ended = subprocess.run(
                command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True
            )
            if ended.returncode == 0:
                return True
            if attempt < retries:
                why = ended.stderr.strip().splitlines()
                self.logger.info(
                    "Attempt %s failed (%s), sleeping for %s seconds...", attempt, why[-1] if why else "", sleep_delay
                )
                time.sleep(sleep_delay)
        raise Exception(f"Exceeded max retries ({retries})")

    @staticmethod
    def _command(hostname, port, username, password, keyfile, ssh_timeout):
        options = [
            f"ConnectTimeout={ssh_timeout}",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
        ]
        command, env = ["ssh"], dict(os.environ)
        if password:
            command = ["sshpass", "-e", "ssh"]
            env["SSHPASS"] = password
        else:
            options.append("BatchMode=yes")
        for option in options:
            command += ["-o", option]
        if keyfile:
            command += ["-i", keyfile, "-o", "IdentitiesOnly=yes"]
        # Whatever the name is, it is no option.
        command += ["-p", str(port), "-l", username, "--", hostname, "exit 0"]
        return command, env
