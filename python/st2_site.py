"""The shared site: libraries that packs of StackStorm take for granted, installed when the first pack asks for one.

st2d makes the directory `python-site` with one small module for each promised library; all these do is call `fulfil`.
So nothing is installed, and nobody waits, until something really imports one of them. If the interpreter has the
library elsewhere, that one is taken. Otherwise pip (uv where it is there) installs all of them, once, under a lock;
the real libraries then take the places of the promises.
"""

import importlib
import importlib.machinery
import importlib.util
import os
import sys

#: What is installed: importable name -> requirement.
LIBRARIES = {
    "six": "six>=1.9.0,<2.0",
    "yaml": "PyYAML",
    "requests": "requests",
    "jinja2": "jinja2",
    "eventlet": "eventlet",
    # It wants certain versions of others: without a bound one of its oldest would be the one that fits their newest.
    "st2client": "st2client>=3.8.0",
}

#: In the directory as long as its promises are not kept.
PROMISE = ".promise"

#: Seconds after a failure in which it is not tried again: without a network each try takes long.
REST = 60


def fulfil(name):
    """Puts the real module in the place of the promise `name` that is being imported."""
    site = os.path.dirname(os.path.abspath(sys.modules[name].__file__))
    elsewhere = [path for path in sys.path if os.path.realpath(path or ".") != os.path.realpath(site)]
    spec = importlib.machinery.PathFinder.find_spec(name, elsewhere)
    if spec is None or spec.loader is None:
        make(site, name)
        importlib.invalidate_caches()
        spec = importlib.machinery.PathFinder.find_spec(name, [site])
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("No module named %r: %s does not hold it" % (name, site), name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def make(site, wanted):
    """Installs everything into `site`, unless somebody else just did."""
    import fcntl
    import time

    parent, name = os.path.split(site)
    with open(os.path.join(parent, name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(site, PROMISE)):
            return
        failed = os.path.join(parent, name + ".failed")
        try:
            if time.time() - os.stat(failed).st_mtime < REST:
                with open(failed) as file:
                    raise refusal(wanted, site, file.read())
        except OSError:
            pass
        draft = os.path.join(parent, ".%s.new" % name)
        why = install(draft)
        if why is not None:
            with open(failed, "w") as file:
                file.write(why)
            remove(draft)
            raise refusal(wanted, site, why)
        move(draft, site)
        remove(draft)


def install(draft):
    """Installs into an empty directory; answers why it could not, or None."""
    import shutil
    import subprocess

    remove(draft)
    os.makedirs(draft)
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    bundle = env.get("proxy_ca_bundle_path")
    ways = []
    uv = shutil.which("uv")
    if uv:
        ways.append([uv, "pip", "install", "--python", sys.executable])
    for python in dict.fromkeys([sys.executable, getattr(sys, "_base_executable", None)]):
        if python:
            cert = ["--cert", bundle] if bundle else []
            ways.append([python, "-m", "pip", "install", "--disable-pip-version-check"] + cert)
    why = "there is neither uv nor pip (apt install python3-pip)"
    for way in ways:
        command = way + ["--target", draft] + list(LIBRARIES.values())
        try:
            done = subprocess.run(
                command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except OSError as error:
            why = str(error)
            continue
        if done.returncode == 0:
            return None
        output = done.stdout.decode("utf-8", "replace").strip()
        if "No module named pip" not in output:
            why = output[-2000:]
            if command[0] != uv:
                break
    return why


def move(draft, site):
    """Takes what was installed into use: what promised libraries need first, then these themselves."""
    names = os.listdir(draft)
    names.sort(key=lambda name: name.split(".")[0] in LIBRARIES)
    for name in names:
        target = os.path.join(site, name)
        if os.path.isdir(target):
            remove(target)
        # A package wins over a module of its name, so from here on the promise beside it is no more looked at.
        os.rename(os.path.join(draft, name), target)
    for name in LIBRARIES:
        if name + ".py" not in names:
            remove(os.path.join(site, name + ".py"))
    remove(os.path.join(site, PROMISE))


def remove(path):
    import shutil

    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.exists(path):
        os.unlink(path)


def refusal(wanted, site, why):
    return ModuleNotFoundError(
        "No module named %r: it belongs to the shared libraries of st2d, which could not be installed into %s. "
        "Put it into requirements.txt of the pack, or mend this: %s" % (wanted, site, why),
        name=wanted,
    )
