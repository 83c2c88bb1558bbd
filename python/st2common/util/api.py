"""Where the API is."""

import os

__all__ = ["get_base_public_api_url", "get_full_public_api_url"]

_DEFAULT = "http://127.0.0.1:9101/v1"


def get_full_public_api_url(api_version="v1"):
    """The URL of the API with its version, as st2d tells it to the processes it starts."""
    url = os.environ.get("ST2_ACTION_API_URL") or os.environ.get("ST2_API_URL") or _DEFAULT
    base = url.rstrip("/")
    last = base.rpartition("/")[2]
    return base if last[:1] == "v" and last[1:].isdigit() else "%s/%s" % (base, api_version)


def get_base_public_api_url():
    """The URL of the API without its version."""
    return get_full_public_api_url().rpartition("/")[0]
