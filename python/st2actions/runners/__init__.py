"""Old names of the base class of actions."""
