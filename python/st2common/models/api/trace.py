"""Traces."""

__all__ = ["TraceContext"]


class TraceContext:
    """What connects a trigger with what follows from it: the id of a trace, or a tag to find one by."""

    def __init__(self, id_=None, trace_tag=None):
        self.id_ = id_
        self.trace_tag = trace_tag

    def __str__(self):
        return "{id_: %s, trace_tag: %s}" % (self.id_, self.trace_tag)
