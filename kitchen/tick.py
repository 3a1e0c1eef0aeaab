"""The ten-second job: what the passage of time does in a kitchen."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from apscheduler.events import (
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_SUBMITTED,
    JobSubmissionEvent,
)
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from redis.exceptions import RedisError

from infra.logs import get_logger
from infra.outage import Outage
from infra.redis_client import has_answered
from kitchen.domain import Cause, Kitchen, Move, MoveOutcome, Status, Ticket
from kitchen.journal import tell_move, tell_renewal
from kitchen.metrics import TICK_LATENESS, TICK_SECONDS, TICKS_FAILED, TICKS_SKIPPED
from kitchen.ports import Clock, TicketStore

log = get_logger()

SLICE = 500


class Tick:
    """Moves on what is due, and nothing else: it costs what is due, not what exists.

    Safe to run twice and in several replicas at once, because each ticket is checked again by the
    script that moves it.
    """

    def __init__(self, store: TicketStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self, kitchen: Kitchen) -> None:
        """One tick of ``kitchen``. Raises what the store raises; the next tick goes on."""
        with TICK_SECONDS.labels(kitchen=kitchen.name).time():
            if kitchen.mode.finishes_by_time:
                await self._move_due(kitchen, Status.READY, Status.COMPLETED)
                await self._move_due(kitchen, Status.PREPARING, Status.READY)
            if kitchen.mode.starts_by_time:
                await self._start(kitchen)
            await self._renew_promises(kitchen)
            await self._store.record_tick(kitchen.name, self._clock())

    async def _move_due(self, kitchen: Kitchen, source: Status, target: Status) -> None:
        # Those that can't be worked on stay where they are, at the head: they take no one's place.
        broken = 0
        while True:
            most = SLICE + broken
            due = await self._store.due(kitchen.name, source, self._clock(), most)
            moved, failed = await self._move(kitchen, due, source, target)
            if len(due) < most or (not moved and failed <= broken):
                return
            broken = failed

    async def _start(self, kitchen: Kitchen) -> None:
        broken = 0
        while True:
            room = kitchen.capacity - await self._store.count_preparing(kitchen.name)
            if room <= 0:
                return
            first = await self._store.next_queued(kitchen.name, min(room, SLICE) + broken)
            moved, failed = await self._move(kitchen, first, Status.QUEUED, Status.PREPARING)
            if not moved and failed <= broken:
                return
            broken = failed

    async def _renew_promises(self, kitchen: Kitchen) -> None:
        broken = 0
        while True:
            most = SLICE + broken
            late = await self._store.late(kitchen.name, self._clock(), most)
            since = time.time_ns()
            answers = await self._store.renew(kitchen, late, self._clock()) if late else ()
            failed = 0
            for answer in answers:
                if isinstance(answer, Exception):
                    failed += 1
                    log.error("promise_not_renewed", kitchen=kitchen.name, exc_info=answer)
                else:
                    tell_renewal(answer, since)
            if len(late) < most or (failed == len(answers) and failed <= broken):
                return
            broken = failed

    async def _move(
        self, kitchen: Kitchen, order_ids: Sequence[str], source: Status, target: Status
    ) -> tuple[int, int]:
        """How many of the tickets moved, and how many could not be worked on."""
        if not order_ids:
            return 0, 0
        moves = [
            Move(order_id, source, target, Cause.TIMER, "kitchen", by_time=True)
            for order_id in order_ids
        ]
        since = time.time_ns()
        answers = await self._store.move(kitchen, moves, self._clock())
        moved = failed = 0
        for move, answer in zip(moves, answers, strict=True):
            match answer:
                case Exception():
                    failed += 1
                    log.error(
                        "ticket_not_moved",
                        order_id=move.order_id,
                        kitchen=kitchen.name,
                        exc_info=answer,
                    )
                case (MoveOutcome.MOVED, Ticket() as ticket):
                    tell_move(move, ticket, since)
                    moved += 1
        return moved, failed


class TickJob:
    """Runs the tick of every kitchen; one kitchen's trouble is not another's."""

    def __init__(
        self,
        tick: Callable[[Kitchen], Awaitable[None]],
        kitchens: Sequence[Kitchen],
        *,
        at_most_seconds: float,
        told: Callable[[str], None],
    ) -> None:
        """``told`` is called with a kitchen's name after each of its ticks."""
        self._tick = tick
        self._kitchens = kitchens
        self._at_most_seconds = at_most_seconds
        self._told = told
        self._running: asyncio.Task[None] | None = None
        self._outages = {kitchen.name: Outage() for kitchen in kitchens}

    async def fire(self) -> None:
        """All ticks, once; what the scheduler calls. Does not raise what a tick raises."""
        # The scheduler abandons its jobs when it stops, so the task that matters is ours. It would
        # log its own doing as an error with a traceback.
        self._running = asyncio.create_task(self._run_all())
        with suppress(asyncio.CancelledError):
            await asyncio.shield(self._running)

    async def _run_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for kitchen in self._kitchens:
                group.create_task(self._run(kitchen))

    async def _run(self, kitchen: Kitchen) -> None:
        try:
            async with asyncio.timeout(self._at_most_seconds):
                await self._tick(kitchen)
        except (RedisError, TimeoutError) as error:
            TICKS_FAILED.labels(kitchen.name).inc()
            self._outages[kitchen.name].tell(
                "tick_failed",
                has_answered=has_answered(error),
                kitchen=kitchen.name,
                error=str(error) or "timeout",
            )
        except Exception:
            TICKS_FAILED.labels(kitchen.name).inc()
            log.exception("tick_failed", kitchen=kitchen.name)
        else:
            self._outages[kitchen.name].over()
            self._told(kitchen.name)

    async def finish(self) -> None:
        """Waits until the tick that is under way is over."""
        if self._running is not None:
            await self._running


@asynccontextmanager
async def ticking(job: TickJob, *, every_seconds: float) -> AsyncIterator[Job]:
    """Fires ``job`` at once and then on schedule; on the way out a tick under way is finished."""
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduled = scheduler.add_job(
        job.fire,
        IntervalTrigger(seconds=every_seconds, timezone=UTC),
        next_run_time=datetime.now(UTC),
        # A tick that is late still runs, once; two never run at once.
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    scheduler.add_listener(_note_lateness, EVENT_JOB_SUBMITTED)
    scheduler.add_listener(lambda _: TICKS_SKIPPED.inc(), EVENT_JOB_MAX_INSTANCES)
    scheduler.start()
    minding = asyncio.create_task(_mind_the_clock(scheduled, every_seconds))
    try:
        yield scheduled
    finally:
        minding.cancel()
        scheduler.shutdown(wait=False)
        await job.finish()


async def _mind_the_clock(scheduled: Job, every_seconds: float) -> None:
    """Fires the job when the wall clock was set back, for the schedule goes by the wall clock and
    would stand still until that has caught up; the loop's own clock never goes back."""
    while True:
        await asyncio.sleep(every_seconds)
        ahead = scheduled.next_run_time - datetime.now(UTC)
        if ahead > 2 * timedelta(seconds=every_seconds):
            log.warning("clock_was_set_back", seconds=round(ahead.total_seconds()))
            scheduled.modify(next_run_time=datetime.now(UTC))


def _note_lateness(event: JobSubmissionEvent) -> None:
    late = datetime.now(UTC) - event.scheduled_run_times[-1]
    TICK_LATENESS.observe(max(0.0, late.total_seconds()))
