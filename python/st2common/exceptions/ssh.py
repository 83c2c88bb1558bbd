"""Exceptions about SSH."""


class InvalidCredentialsException(Exception):
    """The credentials are not valid."""


class NoHostsConnectedToException(Exception):
    """None of the hosts could be reached."""
