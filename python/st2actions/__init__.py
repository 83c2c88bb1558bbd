"""Old names of the base class of actions, which packs from before 2.7 import."""
