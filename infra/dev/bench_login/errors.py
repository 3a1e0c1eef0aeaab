"""What keeps a measurement from meaning anything."""


class UnexpectedAnswerError(Exception):
    """Something was answered as it must not be: there is nothing to measure."""
