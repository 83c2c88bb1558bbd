"""Kinds of collections."""

__all__ = ["OrderedSet"]


class OrderedSet(dict):
    """A set that remembers the order in which things were put into it."""

    def __init__(self, iterable=()):
        super().__init__((item, None) for item in iterable)

    def add(self, item):
        """Puts an item in, at the end when it is new."""
        self.setdefault(item)

    def discard(self, item):
        """Takes an item out, if it is there."""
        self.pop(item, None)

    def __eq__(self, other):
        return list(self) == list(other) if isinstance(other, OrderedSet) else set(self) == set(other)

    __hash__ = None

    def __repr__(self):
        return "OrderedSet(%r)" % list(self)
