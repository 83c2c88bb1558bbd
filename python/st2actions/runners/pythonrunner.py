"""`Action` where it was before StackStorm 2.7."""

from st2common.runners.base_action import Action

__all__ = ["Action"]
