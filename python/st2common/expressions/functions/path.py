"""Filters about paths."""

from os.path import basename, dirname

__all__ = ["basename", "dirname"]
