"""Which modules a warm parent may import ahead of its runs.

A module is worth it when importing it has no effect that a fork would share wrongly: no threads, no connections, no
look at the environment, no random numbers kept. `preload` watches for threads and descriptors all the same. Code of
packs is never among them: it changes on disk.
"""

import sys

# Of the standard library everything but these: they keep a state of their process, or talk to a terminal.
_NOT_FROM_THE_LIBRARY = frozenset(
    "__main__ antigravity curses distutils ensurepip faulthandler idlelib lib2to3 multiprocessing pdb readline "
    "rlcompleter site sitecustomize test this tkinter tracemalloc turtle turtledemo usercustomize venv".split()
)

_FROM_OTHERS = frozenset(
    "attr attrs botocore boto3 bs4 cachetools certifi cffi chardet charset_normalizer cryptography dateutil decorator "
    "defusedxml dns github google_auth httplib2 idna jinja2 jira jmespath jsonpath_rw jsonschema lxml markupsafe nacl "
    "netaddr oauthlib orjson packaging paramiko ply prettytable pyasn1 pycparser pyparsing pytz requests "
    "requests_oauthlib requests_toolbelt rsa s3transfer simplejson six soupsieve st2client tabulate toml tomli tzdata "
    "ujson urllib3 wrapt xmltodict yaml".split()
)

# Ours, which nearly every action imports.
_OURS = frozenset(("st2common", "st2actions", "st2_runner"))


def worth_preloading(known):
    """Names of modules imported since `known` that a warm parent may import ahead; the weightiest first."""
    library = None
    others, names = [], []
    for name, module in list(sys.modules.items()):
        if name in known or "._" in name or name.startswith("_"):
            continue
        top = name.partition(".")[0]
        if top in _FROM_OTHERS:
            # The package brings what it needs; its parts are not for others to import.
            if top == name:
                others.append(name)
        elif top in _OURS:
            names.append(name)
        elif top not in _NOT_FROM_THE_LIBRARY:
            library = library or _library()
            if _is_of_library(module, library):
                names.append(name)
    return others + names


def _library():
    import os

    return os.path.dirname(os.path.realpath(os.__file__))


def _is_of_library(module, library):
    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None)
    if origin in ("built-in", "frozen"):
        return True
    if not isinstance(origin, str) or getattr(spec, "name", None) != module.__name__:
        return False
    return origin.startswith(library + "/") and "/site-packages/" not in origin and "/dist-packages/" not in origin
