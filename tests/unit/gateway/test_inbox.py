from functools import partial

from gateway.inbox import Inbox


def test_new_inbox_takes_nothing_in_until_its_stream_catches_up() -> None:
    inbox: Inbox[str] = Inbox(limit=2)
    inbox.put("before")
    inbox.refresh()
    inbox.put("after")
    assert inbox.take() == "after"
    assert inbox.take() is None


def test_full_inbox_drops_all_and_must_catch_up() -> None:
    inbox: Inbox[int] = Inbox(limit=2)
    inbox.refresh()
    for number in range(3):
        inbox.put(number)
    assert inbox.stale
    assert inbox.take() is None
    inbox.put(3)
    assert inbox.take() is None


def test_heartbeat_is_due_once() -> None:
    inbox: Inbox[int] = Inbox(limit=2)
    assert not inbox.take_beat()
    inbox.beat()
    inbox.beat()
    assert inbox.take_beat()
    assert not inbox.take_beat()


async def test_whatever_happens_ends_the_wait() -> None:
    inbox: Inbox[int] = Inbox(limit=2)
    inbox.refresh()
    for happen in (partial(inbox.put, 1), inbox.beat, inbox.wake, inbox.invalidate, inbox.close):
        happen()
        await inbox.wait()
