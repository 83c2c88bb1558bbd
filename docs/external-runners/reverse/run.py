#!/usr/bin/env python3
"""A runner for st2d: prints the parameter `text` and answers it backwards.

One order comes in as a line of JSON; lines of JSON go out. Whatever is written to standard error is shown as the
action's own.
"""

import json
import sys


def say(**message):
    """Sends one message. Flushed at once, so that people see output while it is made."""
    print(json.dumps(message), flush=True)


def main():
    order = json.loads(sys.stdin.readline())
    text = order["parameters"].get("text")
    if not isinstance(text, str):
        say(type="error", message="The action needs a parameter `text` of type string.")
        return
    for _ in range(order["runner_parameters"]["times"]):
        say(type="output", stream="stdout", data=text + "\n")
    say(type="result", status="succeeded", result={"text": text[::-1]})


main()
