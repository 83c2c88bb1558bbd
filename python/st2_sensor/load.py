"""Finds the class of a sensor in its file, and makes an instance of it."""

import importlib.util
import inspect
import os
import sys

_NEEDED = ("setup", "run", "cleanup", "add_trigger", "update_trigger", "remove_trigger")


def platform_libraries_first():
    """What is installed in the virtualenv goes before what st2d brings."""
    import sysconfig

    sys.path.insert(0, sysconfig.get_path("platlib"))


def sensor_class(file_path, class_name):
    """The class of this name; an error that says what is missing."""
    from st2common.exceptions.plugins import IncompatiblePluginException

    try:
        module = _module(file_path)
        cls = getattr(module, class_name, None)
        if not inspect.isclass(cls):
            raise Exception('Plugin file "%s" doesn\'t expose class named "%s"' % (file_path, class_name))
        for method in _NEEDED:
            found = getattr(cls, method, None)
            if not callable(found) or getattr(found, "__isabstractmethod__", False):
                raise IncompatiblePluginException(
                    'Class "%s" doesn\'t implement required "%s" method from the base class' % (class_name, method)
                )
        if inspect.isabstract(cls):
            missing = ", ".join(sorted(cls.__abstractmethods__))
            raise IncompatiblePluginException(
                'Class "%s" doesn\'t implement required "%s" method from the base class' % (class_name, missing)
            )
        return cls
    except Exception as error:
        raise _explained(error, file_path) from error


def instance(cls, service, config, poll_interval):
    """An instance; only a polling sensor is told how often."""
    from st2reactor.sensor.base import PollingSensor

    given = {"sensor_service": service, "config": config}
    if poll_interval and issubclass(cls, PollingSensor):
        given["poll_interval"] = poll_interval
    return cls(**given)


def _module(file_path):
    directory = os.path.dirname(os.path.realpath(file_path))
    if not os.path.isdir(directory):
        raise Exception('Directory "%s" with plugins doesn\'t exist' % directory)
    if directory not in sys.path:
        sys.path.append(directory)
    name = os.path.splitext(os.path.basename(file_path))[0]
    spec = importlib.util.spec_from_file_location(name, file_path)
    if spec is None:
        raise Exception('File "%s" is no Python file' % file_path)
    module = importlib.util.module_from_spec(spec)
    # It stays out of sys.modules: a sensor in email.py may still `import email`.
    spec.loader.exec_module(module)
    return module


def _explained(error, file_path):
    return Exception(
        'Failed to load sensor class from file "%s" (sensor file most likely doesn\'t exist or contains invalid '
        "syntax): %s" % (file_path, error)
    )
