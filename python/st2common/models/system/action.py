"""The command line of a script, for tests of scripts that read their arguments themselves.

st2d builds its command lines by itself, by the same rules; with sudo and users it has more to do than is here.
"""

from st2common.util.shell import quote_unix

__all__ = ["ShellScriptAction"]


class ShellScriptAction:
    """A script and its arguments. What else it is given is kept."""

    def __init__(
        self, name, action_exec_id, script_local_path_abs, named_args=None, positional_args=None, **settings
    ):
        self.name = name
        self.action_exec_id = action_exec_id
        self.script_local_path_abs = script_local_path_abs
        self.named_args = named_args
        self.positional_args = positional_args
        vars(self).update(settings)

    def get_full_command_string(self):
        """The command for a shell of the user that runs it."""
        arguments = self._get_script_arguments(self.named_args, self.positional_args)
        return " ".join(filter(None, (quote_unix(self.script_local_path_abs), arguments)))

    def _get_script_arguments(self, named_args=None, positional_args=None):
        parts = [_named(name, value) for name, value in (named_args or {}).items()]
        parts += [quote_unix(value) for value in positional_args or []]
        return " ".join(part for part in parts if part)


def _named(name, value):
    if value is None or value == "" or value is False:
        return ""
    return name if value is True else "%s=%s" % (quote_unix(name), quote_unix(str(value)))
