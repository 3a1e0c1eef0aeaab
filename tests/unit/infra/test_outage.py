"""When what is away is news."""

from structlog.testing import capture_logs

from infra.outage import GRACE_SECONDS, Outage


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def levels(outage: Outage, tries: int) -> list[str]:
    """The levels of what is logged of so many failures in a row."""
    with capture_logs() as lines:
        for _ in range(tries):
            outage.tell("pump_lost", kitchen="main")
    assert all(line["event"] == "pump_lost" and line["kitchen"] == "main" for line in lines)
    return [line["log_level"] for line in lines]


def test_what_is_not_there_yet_is_no_warning() -> None:
    assert "warning" not in levels(Outage(clock=Clock()), 3)


def test_what_has_not_come_when_the_grace_is_over_is_one_warning() -> None:
    clock = Clock()
    outage = Outage(clock=clock)
    assert "warning" not in levels(outage, 1)
    clock.now += GRACE_SECONDS
    assert levels(outage, 3).count("warning") == 1


def test_what_came_and_goes_again_and_again_is_one_warning_until_it_works() -> None:
    outage = Outage(clock=Clock())
    outage.come()
    assert levels(outage, 1) == ["warning"]
    outage.come()
    assert "warning" not in levels(outage, 3)
    outage.over()
    assert levels(outage, 1) == ["warning"]


def test_what_was_there_and_goes_is_one_warning_each_time() -> None:
    outage = Outage(clock=Clock())
    for _ in range(2):
        outage.over()
        assert levels(outage, 3)[0] == "warning"
        assert levels(outage, 3).count("warning") == 0


def test_what_answers_and_refuses_is_there_and_wrong() -> None:
    with capture_logs() as lines:
        Outage(clock=Clock()).tell("feed_not_read", has_answered=True, error="wrong password")
    assert [line["log_level"] for line in lines] == ["warning"]
