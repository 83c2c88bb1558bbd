"""Base classes for tests of packs, and what stands in for the system in them."""

from st2tests.base import *  # noqa: F403
from st2tests.base import __all__
