"""Exceptions about connections."""


class UnknownHostException(Exception):
    """There is no such host."""


class ConnectionErrorException(Exception):
    """The host can't be reached."""


class AuthenticationException(Exception):
    """The host refused the credentials."""
