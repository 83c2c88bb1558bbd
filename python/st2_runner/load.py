"""Finds the class of an action in its file, and makes an instance of it.

Does by hand what `importlib.util` and `inspect` would, since importing them costs more than a small action runs.
"""

import sys

import _frozen_importlib
import _frozen_importlib_external

_FUNCTION = type(lambda: None)

# Held until the interpreter ends: as garbage, a module loses what its open files have not written yet.
kept = []


class Ahead:
    """The compiled code of a file, read before its run may begin; None where that would do more than read.

    What is wrong with the file is told when it is loaded.
    """

    def __init__(self, file_path):
        self.spec = self.code = None
        try:
            _append_directory(file_path)
            spec = _spec(file_path)
            self.code = _compiled(spec)
            self.spec = spec
        except Exception:
            pass

    def load(self, module):
        """Runs the code in the module."""
        loader = self.spec.loader
        if self.code is not None:
            loader.get_code = lambda name: self.code
        try:
            loader.exec_module(module)
        finally:
            vars(loader).pop("get_code", None)


def action_class(file_path, ahead):
    """The first class of the file, by name, with a `run` that can be called."""
    try:
        return _find(file_path, ahead)
    except Exception as error:
        raise _explained(error, file_path) from None


def instance(cls, config, service):
    """An instance, also of classes so old that their constructor doesn't know `action_service`."""
    try:
        return cls(config=config, action_service=service)
    except TypeError as error:
        if "unexpected keyword argument 'action_service'" not in str(error):
            raise
    action = cls(config=config)
    action.action_service = service
    return action


def _find(file_path, ahead):
    if ahead.spec is None:
        _append_directory(file_path)
        ahead.spec = _spec(file_path)
    # The module stays out of sys.modules: an action in email.py may still `import email`.
    module = _frozen_importlib.module_from_spec(ahead.spec)
    kept.append(module)
    ahead.load(module)
    for attribute in sorted(dir(module)):
        candidate = getattr(module, attribute, None)
        if isinstance(candidate, type) and candidate.__module__ == module.__name__ and _runs(candidate):
            return candidate
    raise Exception('Found no classes in plugin file "%s" matching requirements.' % file_path)


def _spec(file_path):
    name = file_path[file_path.rfind("/") + 1 :]
    if not name.endswith(".py"):
        raise Exception('File "%s" has no action class or the file doesn\'t exist.' % file_path)
    return _frozen_importlib_external.spec_from_file_location(name[:-3], file_path)


def _compiled(spec):
    """The code, if it lies there compiled: compiling may print warnings."""
    loader = spec.loader
    loader.source_to_code = _not_now
    try:
        return loader.get_code(spec.name)
    except _NotNow:
        return None
    finally:
        del loader.source_to_code


class _NotNow(Exception):
    pass


def _not_now(*_, **__):
    raise _NotNow


def _append_directory(file_path):
    import os

    directory = os.path.dirname(os.path.realpath(file_path))
    if not os.path.isdir(directory):
        raise Exception('Directory "%s" with plugins doesn\'t exist' % directory)
    if directory not in sys.path and directory + "/" not in sys.path:
        sys.path.append(directory)


def _runs(cls):
    run = getattr(cls, "run", None)
    return isinstance(run, _FUNCTION) and not getattr(run, "__isabstractmethod__", False)


def _explained(error, file_path):
    import traceback

    message = (
        'Failed to load action class from file "%s" (action file most likely doesn\'t '
        "exist or contains invalid syntax): %s" % (file_path, error)
    )
    message += "\n\n" + traceback.format_exc()
    try:
        return type(error)(message)
    except Exception:  # its constructor wants more than a text
        return Exception(message)
