#!/usr/bin/env python3
"""Runs a replay tool of the corpus with deliberate differences that are as narrow as they are.

    replay_known.py CORPUS/replay.py ARGUMENTS…
    replay_known.py CORPUS/replay_cli.py ARGUMENTS…

The tools excuse a whole exchange, named by its request: nothing can be named whose request holds an id, and whatever
else goes wrong there stays unseen. Here a line of the --known file may have a fourth column, a regular expression:
then the line excuses, in the exchanges it names (`*`: all of the scenario), the differences that match as a whole.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[1])))
import replay
import replay_cli

# What frames the lines of a text's difference and says nothing by itself.
FRAME = re.compile(r"\w+: (--- expected|\+\+\+ got|@@ .* @@)")

narrow = []
names = {}


def load_known(path, load=replay.load_known):
    lines = load(path)
    narrow.extend([*line[:3], re.compile(line[3], re.S)] for line in lines if len(line) > 3)
    return [line for line in lines if len(line) < 4]


def group_files(paths, find=replay.group_files):
    for path in find(paths):
        with open(path, encoding="utf-8") as file:
            names.update((json.dumps(s["steps"]), s["name"]) for s in json.load(file)["scenarios"])
        yield path


def left(scenario, what, diffs):
    """The differences that nobody excuses."""
    excuses = [pattern for name, request, _, pattern in narrow if name == scenario and request in ("*", what)]
    bare = [d for d in diffs if not FRAME.fullmatch(d) and not any(e.fullmatch(d) for e in excuses)]
    return diffs if bare else []


def http_scenario(self, steps, run=replay.Replay.scenario):
    name = names[json.dumps(steps)]
    return [(what, left(name, what, diffs), extra) for what, diffs, extra in run(self, steps)]


def cli_scenario(options, server, steps, run=replay_cli.scenario):
    name = names[json.dumps(steps)]
    return [(argv, left(name, " ".join(argv), diffs)) for argv, diffs in run(options, server, steps)]


for module in (replay, replay_cli):
    module.load_known, module.group_files = load_known, group_files
replay.Replay.scenario, replay_cli.scenario = http_scenario, cli_scenario

tool = replay_cli if os.path.basename(sys.argv[1]) == "replay_cli.py" else replay
sys.argv[:2] = sys.argv[1:2]
sys.exit(tool.main())
