#!/usr/bin/env python3
"""Prints processes of this host as a JSON object: number to command line. Runs on other hosts: nothing but Python."""
import json
import os
import re
import sys


def processes():
    """Number, state and command line of each process but this one."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                # The name, in parentheses, may have spaces and parentheses of its own.
                state = stat.read().rpartition(")")[2].split()[0]
            with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as cmdline:
                command = cmdline.read()
        except OSError:
            # It has ended meanwhile.
            continue
        yield entry, state, command


def main(search, criteria, arguments):
    matches = {
        "state": lambda number, state, command: state == criteria,
        "name": lambda number, state, command: re.search(criteria, command),
        "pid": lambda number, state, command: number == criteria,
    }[search]
    found = {number: command for number, state, command in processes() if matches(number, state, command)}
    if "pidlist" in arguments:
        sys.stderr.write(" ".join(found))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
