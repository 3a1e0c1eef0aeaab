"""What ends a measurement before it is done."""


class BenchError(Exception):
    """The measurement can't go on, or would say something untrue. For people."""
