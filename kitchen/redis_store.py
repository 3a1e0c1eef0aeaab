"""Tickets kept in Redis: one hash a ticket, sorted sets by what is due, two streams.

Fields of a ticket's hash: order_id, kitchen, status, number, seq, version, revision, items (JSON),
note, prep_ms, placed_at, promised_at, started_at, ready_at (ms of Unix time, empty when not yet),
cause, by, held (0 or 1), flag, reason, pending (ids of changes, joined by commas), traceparent
(only where traces are on), and last_operation with last_outcome, by which a script knows that it is
being asked again.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, cast

import orjson
from redis.asyncio import Redis

from infra.clock import from_ms, to_ms
from infra.correlation import TRACE_KEY
from infra.redis_client import BLOCK_MS, load_script
from infra.shared_pipeline import Arguments, Script, SharedRedis, read_hash
from infra.unreadable import UNREADABLE, int32, int64, tell_unreadable
from kitchen import keys
from kitchen.domain import (
    Cause,
    Change,
    Flag,
    Kitchen,
    Line,
    Move,
    MoveOutcome,
    PutOutcome,
    ResetOutcome,
    Status,
    Ticket,
    TicketCommand,
    queued_ticket,
)

EVENTS_AT_ONCE = 500
SCAN_AT_ONCE = 200
KEPT_SECONDS = 24 * 60 * 60
"""How long a closed ticket is remembered; ticket.lua says so, too."""
_SHELVES = {Status.PREPARING: keys.preparing, Status.READY: keys.ready}

Read = TypeVar("Read")


class RedisTicketStore:
    """``ports.TicketStore`` in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = cast(SharedRedis, redis)
        self._put = load_script(redis, "kitchen", "ticket", "command", "put")
        self._reset = load_script(redis, "kitchen", "ticket", "command", "reset")
        self._move = load_script(redis, "kitchen", "ticket", "move")
        self._renew = load_script(redis, "kitchen", "ticket", "renew")
        self._settle = load_script(redis, "kitchen", "settle")
        self._park = load_script(redis, "kitchen", "ticket", "park")
        self._acknowledge = load_script(redis, "kitchen", "ticket", "acknowledge")

    async def put(
        self, commands: Sequence[tuple[Kitchen, TicketCommand]], at: datetime
    ) -> Sequence[tuple[PutOutcome, Ticket] | Exception]:
        texts = [_lines_to_json(command.lines) for _, command in commands]
        answers = await self._run(
            self._put,
            [
                (
                    kitchen.name,
                    command.order_id,
                    [
                        *_command_args(kitchen, command, text),
                        *((command.traceparent,) if command.traceparent else ()),
                    ],
                )
                for (kitchen, command), text in zip(commands, texts, strict=True)
            ],
            at,
        )
        return [
            _readable(answer, partial(_read_put, command, text))
            for (_, command), text, answer in zip(commands, texts, answers, strict=True)
        ]

    async def move(
        self, kitchen: Kitchen, moves: Sequence[Move], at: datetime
    ) -> Sequence[tuple[MoveOutcome, Ticket | None] | Exception]:
        answers = await self._run(
            self._move,
            [
                (
                    kitchen.name,
                    move.order_id,
                    [
                        *(move.source, move.target, move.seq, int(move.by_time)),
                        *(kitchen.capacity, kitchen.pickup_ms, move.cause, move.by, move.reason),
                    ],
                )
                for move in moves
            ],
            at,
        )
        return [_readable(answer, _read_move) for answer in answers]

    async def renew(
        self, kitchen: Kitchen, order_ids: Sequence[str], at: datetime
    ) -> Sequence[Ticket | Exception]:
        args: Arguments = [kitchen.capacity, Cause.TIMER, "kitchen"]
        answers = await self._run(
            self._renew, [(kitchen.name, order_id, args) for order_id in order_ids], at
        )
        return [
            _readable(answer, lambda renewed: _ticket(renewed[1:]))
            for answer in answers
            if isinstance(answer, Exception) or answer[0] == "renewed"
        ]

    async def acknowledge(self, kitchen: str, order_id: str, at: datetime) -> Ticket | None:
        _, *fields = await self._run_one(self._acknowledge, kitchen, order_id, [], at)
        return _ticket(fields) if fields else None

    async def settle(
        self, kitchen: str, changes: Sequence[tuple[str, str]], at: datetime
    ) -> Sequence[Exception | None]:
        tickets = [keys.ticket(kitchen, order_id) for order_id, _ in changes]
        answers = await self._settle(
            [keys.changes(kitchen), *tickets],
            [KEPT_SECONDS, *(change_id for _, change_id in changes)],
        )
        return [answer if isinstance(answer, Exception) else None for answer in answers]

    async def reset(
        self, kitchen: Kitchen, change_id: str, command: TicketCommand, at: datetime
    ) -> tuple[ResetOutcome, Ticket | None]:
        text = _lines_to_json(command.lines)
        args = [*_command_args(kitchen, command, text), change_id]
        outcome, *fields = await self._run_one(
            self._reset, kitchen.name, command.order_id, args, at
        )
        return ResetOutcome(outcome), _ticket(fields) if fields else None

    async def park(
        self, kitchen: str, order_id: str, change_id: str, reason: str, at: datetime
    ) -> Ticket | None:
        outcome, *fields = await self._run_one(
            self._park, kitchen, order_id, [change_id, reason], at
        )
        return _ticket(fields) if outcome == "parked" else None

    async def due(self, kitchen: str, status: Status, at: datetime, limit: int) -> Sequence[str]:
        return await self._until(_SHELVES[status](kitchen), at, limit)

    async def next_queued(self, kitchen: str, limit: int) -> Sequence[str]:
        order_ids: Any = await self._redis.zrange(keys.queued(kitchen), 0, limit - 1)
        return list(order_ids)

    async def count_preparing(self, kitchen: str) -> int:
        return int(await self._redis.zcard(keys.preparing(kitchen)))

    async def late(self, kitchen: str, at: datetime, limit: int) -> Sequence[str]:
        return await self._until(keys.promises(kitchen), at, limit)

    async def tickets(self, kitchen: str, order_ids: Sequence[str]) -> Mapping[str, Ticket]:
        found = await self._redis.fetch_each(
            *(("HGETALL", keys.ticket(kitchen, order_id)) for order_id in order_ids)
        )
        tickets: dict[str, Ticket] = {}
        for order_id, flat in zip(order_ids, found, strict=True):
            match _readable(flat, lambda fields: _ticket(fields) if fields else None):
                case Exception() as error:
                    tell_unreadable("ticket", error, order_id=order_id, kitchen=kitchen)
                case Ticket() as ticket:
                    tickets[order_id] = ticket
        return tickets

    async def versions(self, kitchen: str, order_ids: Sequence[str]) -> Mapping[str, int]:
        found = await self._redis.fetch_each(
            *(("HGET", keys.ticket(kitchen, order_id), "version") for order_id in order_ids)
        )
        read = {
            order_id: _readable(version, int64)
            for order_id, version in zip(order_ids, found, strict=True)
            if version is not None
        }
        # One that can't be read is a ticket all the same.
        return {
            order_id: 0 if isinstance(version, Exception) else version
            for order_id, version in read.items()
        }

    async def scan_open(self, kitchen: str, cursor: int) -> tuple[int, Sequence[str]]:
        answer: Any = await self._redis.hscan(keys.numbers(kitchen), cursor, count=SCAN_AT_ONCE)
        after, found = answer
        order_ids: list[str] = list(found.values())
        return int(after), order_ids

    async def board(self, kitchen: str) -> Sequence[Ticket]:
        # All shelves at one moment: a ticket on its way between two would be missed or seen twice.
        async with self._redis.pipeline(transaction=True) as pipe:
            for shelf in (keys.queued, keys.preparing, keys.ready, keys.flagged):
                pipe.zrange(shelf(kitchen), 0, -1)
            shelves: list[list[str]] = await pipe.execute()
        order_ids = list(dict.fromkeys(order_id for shelf in shelves for order_id in shelf))
        found = await self.tickets(kitchen, order_ids)
        return sorted(
            (ticket for ticket in found.values() if ticket.on_board),
            key=lambda ticket: (ticket.promised_at or ticket.placed_at, ticket.order_id),
        )

    async def ticket_with_number(self, kitchen: str, number: int) -> Ticket | None:
        order_id: Any = await self._redis.hget(keys.numbers(kitchen), str(number))
        if order_id is None:
            return None
        return (await self.tickets(kitchen, [order_id])).get(order_id)

    async def count_parked(self, kitchen: str) -> int:
        return int(await self._redis.zcard(keys.parked(kitchen)))

    async def record_tick(self, kitchen: str, at: datetime) -> None:
        await self._redis.set(keys.tick(kitchen), to_ms(at))

    async def last_tick(self, kitchen: str) -> datetime | None:
        ms: Any = await self._redis.get(keys.tick(kitchen))
        return _time(ms)

    async def last_event_id(self, kitchen: str) -> str:
        newest = await self._redis.xrevrange(keys.events(kitchen), count=1)
        return str(newest[0][0]) if newest else "0-0"

    async def _until(self, key: str, at: datetime, limit: int) -> list[str]:
        order_ids: Any = await self._redis.zrangebyscore(key, "-inf", to_ms(at), start=0, num=limit)
        return list(order_ids)

    async def _run(
        self, script: Script, calls: Sequence[tuple[str, str, Arguments]], at: datetime
    ) -> list[Any]:
        """Runs ``script`` for each (kitchen, order id, its own ARGV), all in one round trip.

        Where Redis refuses one of the calls, that answer is the exception.
        """
        now = to_ms(at)
        return await script.each(
            [
                (
                    (keys.ticket(kitchen, order_id), *keys.shared_by_scripts(kitchen)),
                    # Made before the call: whoever asks again after a lost reply asks under it.
                    (uuid.uuid4().hex, order_id, now, *args),
                )
                for kitchen, order_id, args in calls
            ]
        )

    async def _run_one(
        self, script: Script, kitchen: str, order_id: str, args: Arguments, at: datetime
    ) -> Any:
        [answer] = await self._run(script, [(kitchen, order_id, args)], at)
        if isinstance(answer, Exception):
            raise answer
        return answer


class RedisFeeds:
    """``ports.ChangeFeed`` and ``ports.EventFeed``: blocking reads, on a client of their own."""

    def __init__(self, blocking: Redis) -> None:
        self._redis = blocking

    async def changes_after(
        self, kitchen: str, change_id: str, limit: int
    ) -> tuple[Sequence[Change], str]:
        entries = await self._read(keys.changes(kitchen), change_id, limit)
        changes: list[Change] = []
        for id, fields in entries:
            match _readable(fields, partial(_change, kitchen, id)):
                case Change() as change:
                    changes.append(change)
                case Exception() as error:
                    tell_unreadable("change", error, change_id=id, kitchen=kitchen)
        return changes, entries[-1][0] if entries else change_id

    async def events_after(self, kitchen: str, event_id: str) -> Sequence[tuple[str, str]]:
        entries = await self._read(keys.events(kitchen), event_id, EVENTS_AT_ONCE)
        return [(id, fields.get("order_id", "")) for id, fields in entries]

    async def _read(self, stream: str, after: str, limit: int) -> list[tuple[str, dict[str, str]]]:
        answer: Any = await self._redis.xread({stream: after}, count=limit, block=BLOCK_MS)
        return list(answer[0][1]) if answer else []


def _lines_to_json(lines: tuple[Line, ...]) -> bytes:
    return orjson.dumps(lines)


def _lines_from_json(text: str) -> tuple[Line, ...]:
    return tuple(map(_line, orjson.loads(text)))


def _line(line: Mapping[str, Any]) -> Line:
    return Line(
        **{
            **line,
            "options": tuple(line["options"]),
            "quantity": int32(line["quantity"]),
            "unit_price": int64(line["unit_price"]),
            "line_total": int64(line["line_total"]),
            "prep_seconds": int32(line["prep_seconds"]),
        }
    )


def _command_args(
    kitchen: Kitchen, command: TicketCommand, lines: bytes
) -> list[str | bytes | int]:
    return [
        command.kitchen,
        command.version,
        command.revision,
        command.status,
        command.applied_seq,
        lines,
        command.note,
        to_ms(command.placed_at),
        command.number,
        to_ms(command.promised_at) if command.promised_at else 0,
        command.reason,
        kitchen.prep_ms(command.lines),
        kitchen.capacity,
        kitchen.pickup_ms,
        kitchen.job_wait_ms,
    ]


def _readable(answer: Any, read: Callable[[Any], Read]) -> Read | Exception:
    """What ``read`` makes of Redis' answer about one ticket; the exception where Redis refused, or
    where the data is not as this module and the scripts write it."""
    if isinstance(answer, Exception):
        return answer
    try:
        return read(answer)
    except UNREADABLE as error:
        return error


def _read_move(answer: Sequence[str]) -> tuple[MoveOutcome, Ticket | None]:
    outcome, *fields = answer
    return MoveOutcome(outcome), _ticket(fields) if fields else None


def _read_put(
    command: TicketCommand, lines: bytes, answer: str | Sequence[str]
) -> tuple[PutOutcome, Ticket]:
    if isinstance(answer, str):
        outcome, number, promised_at = answer.split()
        ticket = queued_ticket(command, int(number), from_ms(int(promised_at)))
    else:
        outcome, *fields = answer
        # What was just written need not be read again.
        ticket = _ticket(fields, {lines: command.lines})
    return PutOutcome(outcome), ticket


NO_LINES: Mapping[bytes, tuple[Line, ...]] = {}


def _ticket(flat: Sequence[str], known: Mapping[bytes, tuple[Line, ...]] = NO_LINES) -> Ticket:
    """The ticket of its hash; ``known`` are lines that need not be read from their text."""
    fields = read_hash(flat)
    text = fields["items"]
    return Ticket(
        order_id=fields["order_id"],
        kitchen=fields["kitchen"],
        status=Status(fields["status"]),
        number=int32(fields["number"]),
        seq=int64(fields["seq"]),
        version=int64(fields["version"]),
        revision=int64(fields["revision"]),
        lines=known.get(text.encode()) or _lines_from_json(text),
        note=fields["note"],
        placed_at=from_ms(int(fields["placed_at"])),
        promised_at=_time(fields["promised_at"]),
        started_at=_time(fields["started_at"]),
        ready_at=_time(fields["ready_at"]),
        cause=Cause(fields["cause"]),
        held=fields["held"] == "1",
        flag=Flag(fields["flag"]),
        reason=fields["reason"],
        pending=tuple(filter(None, fields["pending"].split(","))),
        traceparent=fields.get(TRACE_KEY, ""),
    )


def _change(kitchen: str, id: str, fields: Mapping[str, str]) -> Change:
    return Change(
        id=id,
        kitchen=kitchen,
        order_id=fields["order_id"],
        seq=int64(fields["seq"]),
        revision=int64(fields["revision"]),
        previous=Status(fields["previous"]),
        status=Status(fields["status"]),
        cause=Cause(fields["cause"]),
        by=fields["by"],
        at=from_ms(int(fields["at"])),
        # Those written before every change told them have neither.
        number=int32(fields["number"] or 0),
        promised_at=_time(fields["promised_at"]),
        reason=fields["reason"],
        traceparent=fields.get(TRACE_KEY, ""),
    )


def _time(ms: str | None) -> datetime | None:
    """The moment; None where it is missing, empty or 0."""
    return from_ms(int(ms)) if ms and ms != "0" else None
