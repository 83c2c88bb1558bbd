#!/usr/bin/env python3
"""What one run of a small Python action costs, as a ratio to `python -c pass` of the same virtualenv.

Anchor, cold and warm take turns, so that a busy machine is busy for all. Prints medians of the ratios of neighbours and
their quartiles; asserts nothing. Measures the Python side alone: pipes, order, result, end, as st2d drives it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "python", "tests"))

import support  # noqa: E402

ACTIONS = {
    "small": "return {'sum': sum(given.get('numbers', []))}",
    "logging": "self.logger.info('hello'); return True, 1",
    "imports": "import json, subprocess, urllib.request, xml.etree.ElementTree, datetime; return 1",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        venv.create(os.path.join(folder, "venv"), with_pip=False, symlinks=True)
        python = os.path.join(folder, "venv", "bin", "python")
        print("Python %s, %d pairs; ratio to `python -c pass`" % (sys.version.split()[0], pairs))
        for name, source in ACTIONS.items():
            measure(folder, python, name, source, pairs)


def measure(folder, python, name, source, pairs):
    case = support.RunCase()
    case.folder = folder
    order = case.order(source, parameters={"numbers": [1, 2, 3]})
    env = support.environment(PYTHONDONTWRITEBYTECODE=None)
    cold = support.Cold(python)
    first = cold.run(order, env)
    assert first.code == 0, first
    warm = support.Warm(first.frame["modules"], python, env)
    assert warm.packet()["type"] == "ready"
    assert warm.run(order).result == first.result
    seconds = {"bare": [], "cold": [], "warm": []}
    for _ in range(pairs):
        seconds["bare"].append(timed(lambda: subprocess.run([python, "-c", "pass"], env=env, check=True)))
        seconds["cold"].append(timed(lambda: cold.run(order, env)))
        seconds["warm"].append(timed(lambda: warm.run(order)))
    assert warm.close() == 0
    bare = seconds.pop("bare")
    print("%-8s bare %5.1f ms" % (name, 1000 * statistics.median(bare)), end="")
    for way, taken in seconds.items():
        ratios = [one / anchor for one, anchor in zip(taken, bare)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print("   %s %5.1f ms = %.2f (%.2f to %.2f)" % (way, 1000 * statistics.median(taken), middle, low, high), end="")
    print()


def timed(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
