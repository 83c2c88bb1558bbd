#!/usr/bin/env python3
"""How long `st2d register` takes for 5,000 actions in 200 packs; the goal is 5 seconds.

Takes a release build and, unless told of another one, a PostgreSQL of its own. Each line is a process of its own: start,
reading, writing, end; the first one alone makes the database, and shows what a process costs that has little to do. Asserts
nothing.
"""

import argparse
import os
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))

MANIFEST = "ref: {0}\nname: {0}\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n"
ACTION = "name: a{0}\nrunner_type: local-shell-cmd\ndescription: Number {0}\nparameters:\n"
PARAMETER = "  p{0}:\n    type: string\n    description: A parameter\n    position: {0}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--st2d", default=os.path.join(TARGET, "release", "st2d"))
    parser.add_argument("--database-url", help="an empty database")
    parser.add_argument("--packs", type=int, default=200)
    parser.add_argument("--actions", type=int, default=5000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "st2")
        os.makedirs(os.path.join(data, "packs"), mode=0o700)
        os.chmod(data, 0o700)
        command = [asked.st2d, "register", "--data-dir", data, "--log-level", "error"]
        if asked.database_url:
            command += ["--database-url", asked.database_url]
        timed("what comes with the program", command)
        timed("nothing changed", command)
        write(os.path.join(data, "packs"), asked.packs, asked.actions)
        timed("%d actions in %d packs" % (asked.actions, asked.packs), command)
        timed("nothing changed", command)
        with open(os.path.join(data, "packs", "many0", "actions", "a0.yaml"), "w") as file:
            file.write("name: a0\nrunner_type: noop\n")
        timed("one of them changed", command)


def write(directory, packs, actions):
    for number in range(packs):
        pack = "many%d" % number
        os.makedirs(os.path.join(directory, pack, "actions"))
        with open(os.path.join(directory, pack, "pack.yaml"), "w") as file:
            file.write(MANIFEST.format(pack))
    for number in range(actions):
        with open(os.path.join(directory, "many%d" % (number % packs), "actions", "a%d.yaml" % number), "w") as file:
            file.write(ACTION.format(number) + "".join(PARAMETER.format(at) for at in range(10)))


def timed(what, command):
    before = os.times()
    begun = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    count = next((line for line in done.stdout.splitlines() if line.endswith(" actions.")), "")
    print("%-32s %6.2f s (%.2f s of processor) %s" % (what, seconds, used, count))


if __name__ == "__main__":
    main()
