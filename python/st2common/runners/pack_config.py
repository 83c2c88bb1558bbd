"""`self.config` of an action."""

_MISSING = """
Config for pack "%s" is missing key "%s".
Make sure that the config file exists on disk (%s) and contains that key.

Also make sure you run "st2ctl reload --register-configs" when you add a
config and after every change you make to the config.
"""


class PackConfigDict(dict):
    """The config of a pack: a dictionary that tells what to do about a missing key."""

    # Where st2d read it; it knows and says so.
    path = None

    def __init__(self, pack_name, *args):
        super().__init__(*args)
        self._pack_name = pack_name

    def __missing__(self, key):
        path = self.path or "/opt/stackstorm/configs/%s.yaml" % self._pack_name
        raise ValueError(_MISSING % (self._pack_name, key, path))
