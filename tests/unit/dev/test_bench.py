"""What the benchmark makes of what it reads; nothing here is measured."""

import math
import os
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from infra.dev.bench.client import with_keys
from infra.dev.bench.document import BEGIN, DOCUMENT, END, with_figures
from infra.dev.bench.errors import BenchError
from infra.dev.bench.generator import Outcome, parse_outcome
from infra.dev.bench.goals import GOALS, Goal, judge_all
from infra.dev.bench.machine import file_system_of
from infra.dev.bench.meter import check_placed
from infra.dev.bench.picture import draw
from infra.dev.bench.processes import (
    Memory,
    cpu_seconds,
    memory,
    parse_busy_ticks,
    parse_cpu_ticks,
    parse_memory,
)
from infra.dev.bench.report import Table, bottleneck, notes, tables
from infra.dev.bench.results import (
    PROCESSES,
    HalfLoad,
    Machine,
    Results,
    Round,
    Sample,
    Start,
    Streams,
    Ticks,
    median_ratio,
    read_results,
    write_results,
)
from infra.dev.bench.shots import KEY_MARK, read_shots, request, write_shots
from infra.dev.bench.streams import split

MACHINE = Machine(
    at="2026-11-23 12:00 UTC",
    cores=2,
    processor="a processor",
    python="3.11.7",
    redis="7.0.15",
    file_system="ext4",
    sync_ms=1.5,
    load_before=[0.1, 0.2, 0.3],
    load_after=[2.0, 1.0, 0.5],
    generator="wrk",
    connections=64,
    guests=64,
    settings={"ORDER_ORDERS_PER_MINUTE": "1000000"},
    quick=False,
)


def hello(rate: float, cpu_us: float) -> Sample:
    return Sample(
        requests=int(rate),
        seconds=1,
        cpu={"hello": rate * cpu_us / 1e6},
        generator_cores=0.3,
        others_cores=0,
        p50_ms=1,
        p99_ms=2,
    )


def sample(rate: int, *, cpu_us: float, **more: float) -> Sample:
    """One second of load that costs ``cpu_us`` a request in each process."""
    return replace(
        Sample(
            requests=rate,
            seconds=1,
            cpu=dict.fromkeys(PROCESSES, rate * cpu_us / 1000000.0),
            generator_cores=0.1,
            others_cores=0.05,
            p50_ms=10,
            p99_ms=20,
        ),
        **more,
    )


def rounds(*samples: Sample) -> list[Round]:
    """Between ceilings of 4,000 and 6,000 hellos a second, of 90 and 110 µs."""
    return [Round(one, hello(4000, 90), hello(6000, 110)) for one in samples]


def whole_run() -> Results:
    return Results(
        MACHINE,
        calls={
            "post": rounds(*(sample(rate, cpu_us=100) for rate in (1000, 1500, 3000))),
            "post_plain": rounds(*(sample(rate, cpu_us=200) for rate in (500, 500, 1000))),
            "get": rounds(*(sample(rate, cpu_us=50) for rate in (2000, 2500, 3500))),
            "post_two": rounds(*(sample(rate, cpu_us=100) for rate in (1500, 1500, 3000))),
        },
        streams=Streams(
            streams=1000,
            changes_per_second=200,
            reached_per_second=199.6,
            p50_ms=[3, 5, 9],
            p99_ms=[10, 50, 20],
            tap_p50_ms=6,
            tap_p99_ms=60,
            gateway_cores=0.4,
            reader_is_limit=False,
        ),
        half_load=HalfLoad(750, [3, 4, 5], [9, 30, 12]),
        ticks=[
            Ticks(100_000, 500, [0.11, 0.2, 0.12], [0.1] * 3),
            Ticks(1000, 500, [0.1] * 3, [0.1] * 3),
        ],
        memory_at_rest={"redis": Memory(1, 2, 3)},
        memory_after={"redis": Memory(4, 5, 6)},
        starts={"redis": Start([0.03], [0.01])},
    )


def by_name(results: Results) -> dict[str, tuple[float | None, str]]:
    return {judged.goal.name: (judged.value, judged.verdict) for judged in judge_all(results)}


def test_a_round_is_told_by_the_ceiling_on_both_sides_of_it() -> None:
    [one] = rounds(sample(1000, cpu_us=100))

    assert one.ceiling == 5000
    assert one.share_of_ceiling == pytest.approx(0.2)
    assert one.hello_cpu == pytest.approx(100e-6)
    assert one.hellos_of_cpu == pytest.approx(5.0)


def test_ratios_are_medians_of_what_was_measured_side_by_side() -> None:
    # The ratio of the medians would be 1.
    assert median_ratio([2, 30, 10], [1, 10, 10]) == 2


def test_goals_are_judged_by_the_figures_of_the_run() -> None:
    judged = by_name(whole_run())

    assert judged["CPU of all processes per POST ÷ CPU of a hello"] == (pytest.approx(5), "floor")
    share, verdict = judged["POST /order ÷ ceiling, one gateway process, durable, kitchen running"]
    assert (share, verdict) == (pytest.approx(0.3), "floor")
    assert judged["POST /order ÷ the same system over plain unary gRPC"] == (3, "aim")
    assert judged["GET /order/{id} ÷ ceiling"] == (pytest.approx(0.5), "floor")
    assert judged["p99 of POST at half load"] == (12, "floor")
    assert judged["status change → SSE, 1,000 streams, 200/s, p50"] == (5, "floor")
    assert judged["status change → SSE, 1,000 streams, 200/s, p99"] == (20, "floor")
    tick = judged["tick, 100,000 stored ÷ 1,000 stored, 500 due in both"]
    assert tick == (pytest.approx(1.2), "floor")


def test_a_quieter_measurement_reaches_no_goal() -> None:
    results = whole_run()
    assert results.streams is not None
    results.streams = replace(results.streams, reached_per_second=120)

    judged = by_name(results)
    assert judged["status change → SSE, 1,000 streams, 200/s, p50"] == (math.inf, "missed")
    assert any("only 120 of 200 changes" in note for note in notes(results))


def test_what_was_not_measured_is_said_and_not_judged() -> None:
    results = Results(MACHINE, ticks=[Ticks(1000, 500, [0.1], []), Ticks(9000, 500, [0.1], [])])

    assert {verdict for _, verdict in by_name(results).values()} == {"not measured"}
    assert len(by_name(results)) == len(GOALS)


@pytest.mark.parametrize(
    ("value", "less_is_better", "verdict"),
    [
        (1.0, True, "aim"),
        (1.5, True, "floor"),
        (2.1, True, "missed"),
        (1.0, False, "missed"),
        (2.0, False, "floor"),
    ],
)
def test_a_bound_that_is_met_exactly_is_reached(
    value: float, less_is_better: bool, verdict: str
) -> None:
    floor, aim = (2.0, 1.0) if less_is_better else (2.0, 3.0)
    goal = Goal("", floor, aim, lambda _: None, less_is_better=less_is_better)

    assert goal.judge(value) == verdict


def test_rounds_are_parts_of_what_came_in_its_order() -> None:
    assert [list(part) for part in split([1, 2, 3, 4, 5, 6, 7], 3)] == [[1, 2], [3, 4], [5, 6, 7]]


def test_generators_tell_their_outcome_in_one_line_among_others() -> None:
    said = (
        "Running 1s test\n  10 requests in 1.00s\n\n"
        'BENCH {"requests": 10, "microseconds": 1000000, "bytes": 900, "p50_us": 1200, '
        '"p99_us": 3400, "refused": 0, "broken": 1}\n'
    )

    assert parse_outcome(said) == Outcome(10, 1_000_000, 900, 1200, 3400, 0, 1)
    with pytest.raises(BenchError, match="unable to connect"):
        parse_outcome("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_orders_acknowledged_are_orders_stored() -> None:
    check_placed(100, 100, under_way=8)
    # The generator hung up before it was told of these.
    check_placed(100, 108, under_way=8)
    with pytest.raises(BenchError):
        check_placed(100, 99, under_way=8)
    with pytest.raises(BenchError):
        check_placed(100, 109, under_way=8)


def test_shots_are_kept_as_they_are_and_each_gets_a_key_of_its_own(tmp_path: Path) -> None:
    keyed = request(
        "POST", "/order", token="t", json_body={"a": 1}, headers={"Key": KEY_MARK.decode()}
    )
    plain = request("GET", "/order?limit=2")
    write_shots(tmp_path / "shots", [keyed, plain])

    shots = read_shots(tmp_path / "shots")
    assert shots == [keyed, plain]
    first, second, third = islice(with_keys(shots, "run-1"), 3)
    assert b"\r\nKey: run-1-1\r\n" in first
    assert first.endswith(b'\r\n\r\n{"a": 1}')
    assert b"\r\nContent-Length: 8\r\n" in first
    assert second == plain
    assert b"\r\nKey: run-1-3\r\n" in third


def test_cpu_time_is_read_whatever_the_process_is_called() -> None:
    stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 9 8 7 6 150 25 4 1 20 0 3 0 99 1000 200 18446744"

    assert parse_cpu_ticks(stat) == 180
    assert parse_busy_ticks("cpu  10 1 5 1000 50 2 3 4 10 1") == 25


def test_memory_is_told_in_mebibytes() -> None:
    rollup = (
        "55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:  4096 kB\nPss:  3072 kB\n"
        "Private_Clean:  1024 kB\nPrivate_Dirty:  1024 kB\n"
    )

    assert parse_memory(rollup) == Memory(uss=2, pss=3, rss=4)


def test_our_own_process_can_be_read() -> None:
    ours = memory(os.getpid())

    assert 0 < ours.uss <= ours.pss <= ours.rss
    assert cpu_seconds(os.getpid()) > 0


def test_the_file_system_is_the_innermost_mounted() -> None:
    mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/vdb /data xfs rw 0 0\n"

    assert file_system_of(Path("/data/redis"), mounts) == "xfs"
    assert file_system_of(Path("/database"), mounts) == "ext4"
    assert file_system_of(Path("/run/x"), mounts) == "tmpfs"


def test_results_are_read_as_they_were_kept(tmp_path: Path) -> None:
    write_results(tmp_path / "run.json", whole_run())

    assert read_results(tmp_path / "run.json") == whole_run()


def test_a_table_in_markdown_has_as_many_cells_in_each_line() -> None:
    for table in tables(whole_run()):
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.title
    assert Table("T", ("a", "b"), [["1", "2"]]).to_markdown().splitlines() == [
        *("### T", ""),
        *("| a | b |", "| --- | ---: |", "| 1 | 2 |"),
    ]


def test_the_document_keeps_what_is_not_made_of_figures() -> None:
    before = f"# Title\n\nwords\n\n{BEGIN}old figures\n{END}\n## Streams\n"

    after = with_figures(before, whole_run())

    assert after.startswith(f"# Title\n\nwords\n\n{BEGIN}- Measured 2026-11-23 12:00 UTC.")
    assert after.endswith(f"{END}\n## Streams\n")
    assert "old figures" not in after
    assert "| POST /order | 1,500 | 5,000 | 0.300 |" in after
    # The document in the repository has the place.
    assert with_figures(DOCUMENT.read_text("utf-8"), whole_run())


def test_a_generator_that_gave_all_it_had_is_named_as_the_limit() -> None:
    results = whole_run()
    results.calls["get"] = rounds(*[sample(2000, cpu_us=50, generator_is_limit=True)] * 2)

    assert "GET /order/{id}: the load generator was the limit; the system can do more." in list(
        notes(results)
    )


def test_a_run_that_others_disturbed_says_so() -> None:
    results = whole_run()
    assert not any("nothing to do with this run" in note for note in notes(results))

    results.calls = {"get": rounds(*[sample(2000, cpu_us=50, others_cores=1.2)] * 3)}
    assert any("used 1.2 of the 2 cores" in note for note in notes(results))


def test_the_next_bottleneck_is_what_is_full() -> None:
    results = whole_run()
    full_order = replace(
        sample(1000, cpu_us=10), cpu=dict.fromkeys(PROCESSES, 0.1) | {"order": 0.95}
    )
    results.calls["post_two"] = rounds(full_order)
    assert bottleneck(results).startswith("order (")

    full_machine = replace(full_order, cpu=dict.fromkeys(PROCESSES, 0.36))
    results.calls["post_two"] = rounds(full_machine)
    assert bottleneck(results).startswith("the cores themselves (")


def test_the_picture_is_a_png_of_the_same_bytes_for_the_same_figures(tmp_path: Path) -> None:
    draw(tmp_path / "one.png", whole_run())
    draw(tmp_path / "two.png", whole_run())

    assert (tmp_path / "one.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
