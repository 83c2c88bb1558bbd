"""Exceptions about aliases."""

from st2common.exceptions import StackStormBaseException


class ActionAliasAmbiguityException(ValueError, StackStormBaseException):
    """A command fits none of the aliases, or more than one."""

    def __init__(self, msg, command, matches):
        super().__init__(msg)
        self.command = command
        self.matches = matches
