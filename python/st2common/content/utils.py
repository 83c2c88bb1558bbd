"""Where packs lie."""

import os

__all__ = [
    "check_pack_content_directory_exists",
    "check_pack_directory_exists",
    "get_action_libs_abs_path",
    "get_entry_point_abs_path",
    "get_pack_base_path",
    "get_pack_directory",
    "get_pack_file_abs_path",
    "get_pack_resource_file_abs_path",
    "get_packs_base_paths",
    "get_system_packs_base_path",
]

_OUTSIDE = (
    'Invalid file path: "%s". File path needs to be relative to the pack%sdirectory (%s). '
    'For example "my_%s.py".'
)


def get_packs_base_paths():
    """Directories that hold packs: those that st2d names, else the one beside this package, else StackStorm's."""
    named = [path for path in os.environ.get("ST2_PACKS_BASE_PATHS", "").split(os.pathsep) if path]
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    beside = os.path.join(os.path.dirname(here), "packs")
    found = named or [path for path in (beside, "/opt/stackstorm/packs") if os.path.isdir(path)]
    return found or [beside]


def get_system_packs_base_path():
    """The directory of the packs that come with the system."""
    return get_packs_base_paths()[0]


def get_pack_directory(pack_name):
    """The directory of a pack, None when there is no such pack."""
    for base in get_packs_base_paths():
        path = os.path.abspath(os.path.join(base, pack_name))
        if os.path.isdir(path):
            return path
    return None


def get_pack_base_path(pack_name, include_trailing_slash=False, use_pack_cache=False):
    """The directory of a pack, or where it would be."""
    if not pack_name:
        return None
    path = get_pack_directory(pack_name) or os.path.abspath(os.path.join(get_packs_base_paths()[0], pack_name))
    return path + os.sep if include_trailing_slash and not path.endswith(os.sep) else path


def check_pack_directory_exists(pack):
    """Whether there is such a pack."""
    return get_pack_directory(pack) is not None


def check_pack_content_directory_exists(pack, content_type):
    """Whether a pack has a directory for this kind of content."""
    return any(os.path.isdir(os.path.join(base, pack, content_type)) for base in get_packs_base_paths())


def get_pack_file_abs_path(pack_ref, file_path, resource_type=None, use_pack_cache=False):
    """The path of a file of a pack. `ValueError` for a path that leaves the pack."""
    base = get_pack_base_path(pack_ref)
    relative = os.path.normpath("/" + file_path).lstrip("/")
    if relative != file_path:
        directory = os.path.join(base, "%ss/" % resource_type) if resource_type else base
        kind = " %ss " % resource_type if resource_type else " "
        raise ValueError(_OUTSIDE % (file_path, kind, directory, resource_type or "action"))
    return os.path.join(base, relative)


def get_pack_resource_file_abs_path(pack_ref, resource_type, file_path):
    """The path of a file of an action, a sensor or a rule."""
    if resource_type not in ("action", "sensor", "rule"):
        raise ValueError("Invalid resource type: %s" % resource_type)
    return get_pack_file_abs_path(pack_ref, os.path.join(resource_type + "s/", file_path), resource_type)


def get_entry_point_abs_path(pack=None, entry_point=None, use_pack_cache=False):
    """The path of an action's entry point."""
    if not entry_point:
        return None
    if not os.path.isabs(entry_point):
        return get_pack_resource_file_abs_path(pack, "action", entry_point)
    base = get_pack_base_path(pack)
    if os.path.commonpath([base, os.path.normpath(entry_point)]) != base:
        raise ValueError('Entry point file "%s" is located outside of the pack directory' % entry_point)
    return entry_point


def get_action_libs_abs_path(pack=None, entry_point=None):
    """The directory of modules beside an action's entry point."""
    path = os.path.join(os.path.dirname(entry_point), "lib") if entry_point else "lib"
    return get_pack_resource_file_abs_path(pack, "action", path)
