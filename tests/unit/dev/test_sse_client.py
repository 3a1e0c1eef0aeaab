import pytest

from infra.dev.sse_client import EventStreamParser, ServerSentEvent, read_events


def parse(*chunks: str, last_id: str = "") -> list[ServerSentEvent]:
    parser = EventStreamParser(last_id)
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_event_has_its_name_data_and_id() -> None:
    assert parse('event: status\nid: 5-0\ndata: {"a": 1}\n\n') == [
        ServerSentEvent("status", '{"a": 1}', "5-0")
    ]


def test_event_without_a_name_is_a_message() -> None:
    assert parse("data: x\n\n")[0].event == "message"


def test_lines_of_data_are_joined_with_line_feeds() -> None:
    assert parse("data: a\ndata\ndata: b\n\n")[0].data == "a\n\nb"


def test_only_one_space_after_the_colon_is_dropped() -> None:
    assert parse("data:  a\n\n")[0].data == " a"


def test_comments_retry_and_unknown_fields_are_passed_over() -> None:
    assert parse(": ping\nretry: 1000\nfoo: bar\n\ndata: a\n\n") == [
        ServerSentEvent("message", "a", "")
    ]


def test_event_without_data_is_not_told_but_its_id_counts() -> None:
    events = parse("event: status\nid: 7-0\n\ndata: a\n\n")
    assert events == [ServerSentEvent("message", "a", "7-0")]


def test_event_without_an_id_keeps_the_last_one() -> None:
    assert [e.last_id for e in parse("id: 1\ndata: a\n\ndata: b\n\n")] == ["1", "1"]


def test_id_goes_on_from_the_connection_before() -> None:
    assert parse("data: a\n\n", last_id="9-1")[0].last_id == "9-1"


def test_empty_id_forgets_the_last_one() -> None:
    assert [e.last_id for e in parse("id: 1\ndata: a\n\nid\ndata: b\n\n")] == ["1", ""]


def test_id_with_a_null_character_is_ignored() -> None:
    assert parse("id: 1\0\ndata: a\n\n", last_id="0-1")[0].last_id == "0-1"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_line_end_and_any_cut_gives_the_same_events(newline: str) -> None:
    text = newline.join(["event: status", "id: 3", "data: one", "data: two", "", ": end", ""])
    expected = [ServerSentEvent("status", "one\ntwo", "3")]
    for cut in range(len(text) + 1):
        assert parse(text[:cut], text[cut:]) == expected, cut
    assert parse(*text) == expected


def test_line_separators_within_json_are_data() -> None:
    assert parse("data: a\u2028b\x0bc\x85d\n\n")[0].data == "a\u2028b\x0bc\x85d"


def test_byte_order_mark_is_passed_over() -> None:
    assert parse("\ufeffdata: a\n\n")[0].data == "a"


async def test_event_cut_short_by_the_connections_end_is_dropped() -> None:
    async def chunks():
        yield "data: whole\n\n"
        yield "id: 8\ndata: half\n"

    events = [event async for event in read_events(chunks(), last_id="2")]
    assert events == [ServerSentEvent("message", "whole", "2")]
