"""`st2-run-pack-tests`: makes a virtualenv with what a pack and its tests require, and runs the tests.

The options and exit codes are those of StackStorm's script. With pytest where it is there, else with unittest.
"""

import argparse
import os
import shlex
import subprocess
import sys

from st2_site import LIBRARIES

VIRTUALENVS = "/tmp/st2-pack-tests-virtualenvs"
_TOOLS = ("pytest>7", "mock>=4.0.3", "pytest-cov>=5.0.0")

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_SHARED_SITE = os.path.join(os.path.dirname(_PACKAGE), "python-site")


class Failure(Exception):
    """The tests could not be run; the text says why, the code is the exit code."""

    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


def main(arguments=None):
    """Runs the tests and answers the exit code."""
    options = _parse(arguments)
    try:
        return _run(options)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return failure.code


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="st2-run-pack-tests", description="Runs the tests of a pack.")
    parser.add_argument("-p", dest="pack", metavar="PACK_PATH", required=True, help="directory of the pack")
    parser.add_argument(
        "-f", dest="location", help="only this, such as test_action_x.py::XTestCase::test_run (relative to tests/)"
    )
    parser.add_argument("-c", dest="coverage", action="store_true", help="report the coverage of the pack's code")
    parser.add_argument("-j", dest="just_tests", action="store_true", help="use the virtualenv as the last run left it")
    parser.add_argument("-t", dest="timing", action="store_true", help="report how long each test takes")
    parser.add_argument("-v", dest="verbose", action="store_true", help="say what is done")
    parser.add_argument("-x", dest="bare", action="store_true", help="make no virtualenv; use this interpreter")
    return parser.parse_args(arguments)


def _run(options):
    pack = os.path.realpath(options.pack)
    if not os.path.isdir(pack):
        raise Failure("Invalid pack path: %s" % options.pack, 3)
    name = os.path.basename(pack)
    print("Running tests for pack: %s" % name, flush=True)
    if not os.path.isdir(os.path.join(pack, "tests")):
        print("No tests found.")
        return 0
    python = sys.executable
    if not options.bare:
        python = _virtualenv(name, options)
    if not options.just_tests and not options.bare:
        _install(python, pack, options)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(_python_path(pack)))
    command = [python, "-m"] + _test_command(python, environment, pack, options)
    _say(options, "PYTHONPATH=%s" % environment["PYTHONPATH"])
    _say(options, "Running: %s" % shlex.join(command))
    print("Running tests...", flush=True)
    return subprocess.call(command, cwd=pack, env=environment)


def _virtualenv(name, options):
    directory = os.path.join(VIRTUALENVS, name)
    python = os.path.join(directory, "bin", "python")
    if options.just_tests:
        if not os.path.exists(python):
            raise Failure(
                "Virtual environment %s doesn't exist\nRun this script without the -j flag to create it or run it "
                "with -x flag to not use a pack specific virtual environment." % directory,
                2,
            )
        return python
    os.makedirs(VIRTUALENVS, mode=0o700, exist_ok=True)
    if os.stat(VIRTUALENVS).st_uid != os.getuid():
        raise Failure("%s belongs to somebody else: remove it, or use -x" % VIRTUALENVS, 2)
    print("Creating virtualenv in %s..." % directory, flush=True)
    _call([sys.executable, "-m", "venv", directory], "could not make a virtualenv in %s" % directory)
    return python


def _install(python, pack, options):
    wanted = [list(_TOOLS)]
    if not os.path.isdir(_SHARED_SITE):
        wanted.append(list(LIBRARIES.values()))
    for file in ("requirements.txt", "requirements-tests.txt"):
        if os.path.isfile(os.path.join(pack, file)):
            wanted.append(["-r", os.path.join(pack, file)])
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    pip += [] if options.verbose else shlex.split(os.environ.get("ST2_PIP_OPTIONS", "-q"))
    for what in wanted:
        print("Installing %s..." % " ".join(what), flush=True)
        _call(pip + what, "pip could not install %s" % " ".join(what))


def _python_path(pack):
    path = [os.path.join(pack, "lib"), _PACKAGE]
    path += [os.path.join(pack, *part) for part in (["sensors"], ["actions"], ["actions", "lib"], ["etc"])]
    path += [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return path + [_SHARED_SITE] if os.path.isdir(_SHARED_SITE) else path


def _test_command(python, environment, pack, options):
    location = os.path.join("tests", options.location or "")
    if _has(python, "pytest", environment):
        command = ["pytest", "-s", "-v"]
        if options.timing:
            command.append("--durations=0")
        if options.coverage:
            if not _has(python, "pytest_cov", environment):
                raise Failure("-c needs pytest-cov, which %s doesn't have" % python, 2)
            command += ["--cov=%s" % part for part in _code_of(pack)]
        return command + [location]
    if options.coverage or options.timing:
        raise Failure("-c and -t need pytest, which %s doesn't have" % python, 2)
    if options.location:
        module, *rest = options.location.split("::")
        # Names of unittest are modules; the directory of the tests is where they begin.
        environment["PYTHONPATH"] += os.pathsep + os.path.join(pack, "tests")
        return ["unittest", "-v", ".".join([module[: -len(".py")].replace("/", ".")] + rest)]
    top = ["-t", "."] if os.path.isfile(os.path.join(pack, "tests", "__init__.py")) else []
    return ["unittest", "discover", "-v", "-s", "tests"] + top


def _code_of(pack):
    return [
        os.path.join(pack, name)
        for name in sorted(os.listdir(pack))
        if name != "tests" and not name.startswith(".") and os.path.isdir(os.path.join(pack, name))
    ]


def _has(python, module, environment):
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    return subprocess.call([python, "-c", look, module], env=environment) == 0


def _call(command, failure):
    code = subprocess.call(command)
    if code:
        raise Failure("%s: %s ended with %d" % (failure, shlex.join(command), code), 2)


def _say(options, text):
    if options.verbose:
        print(text, flush=True)
