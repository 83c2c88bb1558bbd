#!/usr/bin/env python3
"""What one run of a small Python action costs, as a ratio to `python -c pass` of the same virtualenv.

Anchor, cold and warm take turns, with a rest before each: what is measured is a run on an idle system, from the order to
the word that nothing is left to do, which is what st2d waits for. Prints medians of the ratios of neighbours and their
quartiles; asserts nothing. Measures the Python side alone.
"""

import argparse
import json
import os
import socket
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
        """The frame of the result, once the run has said that it has nothing left to do."""
        content = b""
        while support.farewell(content) is None:
            chunk = os.read(self.answer, 1 << 16)
            assert chunk, content
            content += chunk
        os.close(self.answer)
        return support._frame(content)


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
    cold.clear_away()
    assert warm.run(order)["result"] == frame["result"]
    warm.clear_away()
    seconds = {"bare": [], "cold": [], "warm": []}
    for _ in range(pairs):
        seconds["bare"].append(timed(cold.bare))
        seconds["cold"].append(timed(lambda: cold.run(order)))
        cold.clear_away()
        seconds["warm"].append(timed(lambda: warm.run(order)))
        warm.clear_away()
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
        arguments = [self.python, "-u", support.COLD]
        self.pid = os.posix_spawn(self.python, arguments, self.env, file_actions=actions, setpgroup=0)
        run.hand_over()
        return run.read()

    def clear_away(self):
        """What is left when the result is known: the kernel takes the process apart."""
        assert os.waitpid(self.pid, 0)[1] == 0


class Unsorted(support.Warm):
    listen = False


class Warm:
    def __init__(self, python, env, modules):
        self.parent = Unsorted(modules, python, env)
        self.packet("ready")
        self.spare = self.ahead()
        self.env = env

    def packet(self, kind):
        data, fds = self.parent.receive()
        packet = json.loads(data)
        assert packet["type"] == kind, packet
        return packet, fds

    def ahead(self):
        packet, fds = self.packet("spare")
        return support.Spare(packet["pid"], socket.socket(fileno=fds[0]))

    def clear_away(self):
        """The same, and the next fork is made."""
        self.packet("ended")
        self.parent.send(type="reap", id=1)
        self.spare.channel.close()
        self.spare = self.ahead()

    def run(self, order):
        run = Run(dict(order, env=self.env))
        self.parent.send(type="used", id=1)
        self.spare.run(run.fds)
        run.hand_over()
        return run.read()


def timed(work):
    time.sleep(0.02)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
