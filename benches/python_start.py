#!/usr/bin/env python3
"""What one run of a small Python action costs, as a ratio to `python -c pass` of the same virtualenv.

Anchor, cold and warm take turns, with a rest before each: what is measured is a run on an idle system. Prints medians of
the ratios of neighbours and their quartiles; asserts nothing. Measures the Python side alone, as st2d drives it: order,
run, result, end.
"""

import argparse
import json
import os
import statistics
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


class Run:
    """Pipes of one run; its order is small enough to lie in the pipe before anybody reads."""

    null = support._high(os.open(os.devnull, os.O_RDWR))

    def __init__(self, order):
        content = json.dumps(order).encode()
        self.order, order_in = os.pipe()
        os.write(order_in, len(content).to_bytes(4, "big") + content)
        os.close(order_in)
        self.answer, self.result = os.pipe()
        self.fds = [self.null, self.null, self.null, support._high(self.order), support._high(self.result)]

    def hand_over(self):
        os.close(self.fds[3])
        os.close(self.fds[4])

    def read(self):
        frame = support._frame(os.read(self.answer, 1 << 16))
        os.close(self.answer)
        return frame


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
    cold = Cold(python, env)
    frame = cold.run(order)
    warm = Warm(python, env, frame["modules"])
    assert warm.run(order)["result"] == frame["result"]
    seconds = {"bare": [], "cold": [], "warm": []}
    for _ in range(pairs):
        seconds["bare"].append(timed(cold.bare))
        seconds["cold"].append(timed(lambda: cold.run(order)))
        seconds["warm"].append(timed(lambda: warm.run(order)))
    bare = seconds.pop("bare")
    print("%-8s bare %5.1f ms" % (name, 1000 * statistics.median(bare)), end="")
    for way, taken in seconds.items():
        ratios = [one / anchor for one, anchor in zip(taken, bare)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print("   %s %5.2f ms = %.2f (%.2f to %.2f)" % (way, 1000 * statistics.median(taken), middle, low, high), end="")
    print()


class Cold:
    def __init__(self, python, env):
        self.python, self.env = python, env

    def bare(self):
        pid = os.posix_spawn(self.python, [self.python, "-c", "pass"], self.env)
        assert os.waitpid(pid, 0)[1] == 0

    def run(self, order):
        run = Run(order)
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(run.fds)]
        pid = os.posix_spawn(self.python, [self.python, "-u", support.COLD], self.env, file_actions=actions, setpgroup=0)
        run.hand_over()
        assert os.waitpid(pid, 0)[1] == 0
        return run.read()


class Unsorted(support.Warm):
    listen = False


class Warm:
    def __init__(self, python, env, modules):
        self.parent = Unsorted(modules, python, env)
        self.socket = self.parent.socket
        self.packet("ready")
        self.env = env

    def packet(self, kind):
        packet = json.loads(self.socket.recv(1 << 16))
        assert packet["type"] == kind, packet

    def run(self, order):
        run = Run(dict(order, env=self.env))
        self.parent.send(*run.fds, type="run", id=1)
        run.hand_over()
        self.packet("started")
        self.packet("ended")
        self.parent.send(type="reap", id=1)
        return run.read()


def timed(work):
    time.sleep(0.02)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
