"""URLs."""

__all__ = ["get_url_without_trailing_slash"]


def get_url_without_trailing_slash(value):
    """The URL without a slash at its end."""
    return value[:-1] if value.endswith("/") else value
