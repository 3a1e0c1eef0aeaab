"""Order and kitchen, whatever the network between them does: nothing is lost, nothing happens
twice, and once the network is well again both sides know the same."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from infra.dev.local_redis import LocalRedis
from infra.errors import RefusedError
from infra.identity import Caller
from infra.redis_client import open_redis
from order.domain import LineRequest
from order.lifecycle import EDITABLE, FINAL, Cause, Status, allowed_actions
from tests.integration.kitchen.kitchen_world import MAIN
from tests.integration.two_sides import ANNA, COOK, GUESTS, TwoSides
from tests.integration.two_sides_witness import Witness

MOST_ORDERS = 4
MOST_SENDERS = 3
MOST_LETTERS = 10

which = st.integers(0, 11)
"""Picks one of however many there are."""
guests = st.sampled_from(GUESTS)
quantities = st.integers(1, 3)
taps = st.sampled_from(["start", "finish", "complete", "recall"])
seconds = st.sampled_from([1, 31, 130, 400])
prompt = st.booleans()
"""Whether the side that has something to tell sends it at once."""


class TwoSidesMachine(RuleBasedStateMachine):
    """Guests, cooks, the clock and the network, each acting at will.

    The services run on the test's own loop, and only while a rule runs.
    """

    def __init__(self, loop: asyncio.Runner, redis: Redis) -> None:
        super().__init__()
        self._loop = loop
        self.sides = TwoSides(redis, delivered=self._look)
        self.witness = Witness(self.sides)
        self.order_ids: list[str] = []
        self._at_fault = False
        """Whether what ran last went wrong, or something before it."""
        self._run(self.sides.open())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._at_fault = True
        self._loop.run(work)
        self._at_fault = False

    async def _look(self) -> None:
        await self.witness.look(self.order_ids)

    def _order_id(self, index: int) -> str:
        return self.order_ids[index % len(self.order_ids)]

    @initialize(guest=guests, arrives=st.booleans())
    def first_order(self, guest, arrives):
        self._run(self._place(guest, "bowl", 1))
        if arrives:
            self._run(self._heal())

    @precondition(lambda self: len(self.order_ids) < MOST_ORDERS)
    @rule(guest=guests, sku=st.sampled_from(["bowl", "tea"]), quantity=quantities, prompt=prompt)
    def place(self, guest, sku, quantity, prompt):
        self._run(self._place(guest, sku, quantity))
        self._tell_kitchen(prompt)

    async def _place(self, guest: Caller, sku: str, quantity: int) -> None:
        # Orders of one moment would be cooked in the order of their random ids.
        self.sides.clock.advance(1)
        order = await self.sides.place(guest, sku, quantity)
        self.order_ids.append(order.id)

    def _tell_kitchen(self, prompt: bool) -> None:
        if prompt and len(self.sides.deliveries) < MOST_SENDERS:
            self._run(self.sides.dispatch())

    def _tell_order_service(self, prompt: bool) -> None:
        if prompt and self.sides.connections:
            self._run(self.sides.connections[-1].look())

    @rule(index=which, sku=st.sampled_from(["tea", "fries"]), quantity=quantities, prompt=prompt)
    def edit(self, index, sku, quantity, prompt):
        self._run(self._edit(self._order_id(index), sku, quantity))
        self._tell_kitchen(prompt)

    async def _edit(self, order_id: str, sku: str = "tea", quantity: int = 9) -> None:
        before = await self.sides.order(order_id)
        guest = next(g for g in GUESTS if g.user_id == before.user_id)
        try:
            after = await self.sides.orders.update_order(
                guest, order_id, [LineRequest(sku, quantity)], note=None, if_version=None
            )
        except RefusedError:
            assert before.status not in EDITABLE
        else:
            assert before.status in EDITABLE
            assert [(line.sku, line.quantity) for line in after.lines] == [(sku, quantity)]

    @rule(index=which, cause=st.sampled_from([Cause.GUEST, Cause.STAFF]), prompt=prompt)
    def cancel(self, index, cause, prompt):
        self._run(self._cancel(self._order_id(index), cause))
        self._tell_kitchen(prompt)

    async def _cancel(self, order_id: str, cause: Cause) -> None:
        before = await self.sides.order(order_id)
        guest = next(g for g in GUESTS if g.user_id == before.user_id)
        who = guest if cause is Cause.GUEST else COOK
        try:
            after = await self.sides.orders.cancel_order(
                who, order_id, reason="the guest left", if_version=None
            )
        except RefusedError:
            assert "cancel" not in allowed_actions(before.status, cause)
        else:
            assert after.status is Status.CANCELLED
            self.witness.cancelled.add(order_id)

    @rule(index=which, tap=taps, seen=st.booleans(), prompt=prompt)
    def tap(self, index, tap, seen, prompt):
        self._run(self._tap(self._order_id(index), tap, seen))
        self._tell_order_service(prompt)

    async def _tap(self, order_id: str, tap: str, seen: bool) -> None:
        ticket = await self.sides.ticket(order_id)
        seq = ticket.seq if ticket is not None and seen else 0
        reason = {"reason": "cold"} if tap == "recall" else {}
        try:
            await getattr(self.sides.kitchen, f"{tap}_ticket")(
                MAIN, order_id, seq, "cook", **reason
            )
        except RefusedError:
            assert (await self.sides.ticket(order_id)) == ticket

    @precondition(lambda self: self.witness.to_acknowledge)
    @rule()
    def acknowledge(self):
        async def acknowledge() -> None:
            order_id = min(self.witness.to_acknowledge)
            self.witness.to_acknowledge.remove(order_id)
            await self.sides.kitchen.acknowledge_ticket(MAIN, order_id, "cook")

        self._run(acknowledge())

    @rule(later=seconds, prompt=prompt)
    def tick(self, later, prompt):
        self.sides.clock.advance(later)
        self._run(self.sides.tick())
        self._tell_order_service(prompt)

    @rule(later=seconds, rival=st.booleans(), index=which, tap=taps, after=st.integers(0, 5))
    def tick_while_others_act(self, later, rival, index, tap, after):
        self.sides.clock.advance(later)
        order_id = self._order_id(index)
        act = self.sides.rival_tick if rival else lambda: self._tap(order_id, tap, seen=False)
        self.sides.amid_tick.plan(act, after=after)
        self._run(self.sides.tick())
        self.sides.amid_tick.forget()

    @precondition(lambda self: len(self.sides.deliveries) < MOST_SENDERS)
    @rule(entries=st.sampled_from([slice(None), slice(1), slice(-1, None)]))
    def dispatch(self, entries):
        self._run(self.sides.dispatch(entries))

    @precondition(lambda self: len(self.sides.connections) < MOST_SENDERS)
    @rule()
    def connect(self):
        self._run(self.sides.connect())

    @precondition(lambda self: self.sides.connections)
    @rule(index=which)
    def look_for_new_changes(self, index):
        self._run(self.sides.connections[index % len(self.sides.connections)].look())

    @precondition(lambda self: self.sides.network.letters)
    @rule(index=which)
    def deliver(self, index):
        self._run(self.sides.deliver(index % len(self.sides.network.letters)))

    @precondition(lambda self: 0 < len(self.sides.network.letters) < MOST_LETTERS)
    @rule(index=which)
    def deliver_not_for_the_last_time(self, index):
        self._run(self.sides.deliver(index % len(self.sides.network.letters), again=True))

    @precondition(lambda self: self.sides.network.letters)
    @rule(letter=which, index=which, edits=st.booleans())
    def deliver_while_a_guest_acts(self, letter, index, edits):
        order_id = self._order_id(index)
        self.sides.amid_order.plan(
            lambda: self._edit(order_id) if edits else self._cancel(order_id, Cause.GUEST)
        )
        self._run(self.sides.deliver(letter % len(self.sides.network.letters)))
        self.sides.amid_order.forget()

    @precondition(lambda self: self.sides.network.letters)
    @rule(last_first=st.booleans())
    def deliver_all_on_its_way(self, last_first):
        async def deliver() -> None:
            for left in reversed(range(len(self.sides.network.letters))):
                await self.sides.deliver(left if last_first else 0)

        self._run(deliver())

    @rule()
    def all_arrives(self):
        self._run(self._heal())

    async def _heal(self) -> None:
        await self.sides.heal()
        await self.witness.check_agreement(self.order_ids)

    @rule(side=st.sampled_from(["order", "kitchen"]))
    def crash(self, side):
        self._run(self.sides.crash_order() if side == "order" else self.sides.crash_kitchen())

    @invariant()
    def nothing_is_seen_that_must_not_be(self):
        self._run(self._look())

    def teardown(self):
        try:
            if not self._at_fault:
                self._run(self._heal())
                self._run(self._finish_all())
        finally:
            self._loop.run(self.sides.close())

    async def _finish_all(self) -> None:
        """Nothing hangs for ever: time, and cooks for what they recalled, end every order."""
        for _ in range(4 * MOST_ORDERS):
            seen = await self.sides.see(self.order_ids)
            if all(order.status in FINAL for order in seen.orders.values()):
                return
            for ticket in seen.tickets.values():
                if ticket.held:
                    await self._tap(ticket.order_id, "finish", seen=True)
            self.sides.clock.advance(600)
            await self.sides.tick()
            await self._heal()
        raise AssertionError("there are orders that never end")


@pytest.fixture
def quiet_log() -> Iterator[None]:
    """Thousands of orders' lives would hide the one that went wrong."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("CRITICAL"))
    yield
    structlog.configure(**before)


def search() -> settings:
    """Seconds of it in the suite, as long as the profile says when one is asked for."""
    bounded = settings.get_current_profile_name() != "long"
    return settings(
        **({"max_examples": 20} if bounded else {}),
        deadline=None,
        # An example is a whole evening in a restaurant.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.mark.usefixtures("quiet_log")
def test_both_sides_agree_whatever_the_network_does(redis_server: LocalRedis) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as loop:
        redis = open_redis(redis_server.url)
        try:
            run_state_machine_as_test(lambda: TwoSidesMachine(loop, redis), settings=search())
        finally:
            loop.run(redis.aclose())


async def test_order_queued_while_its_rejection_was_on_its_way_keeps_its_edit(
    redis: Redis,
) -> None:
    sides = TwoSides(redis)
    await sides.open()
    order = await sides.place(ANNA, "bowl", 1)
    await sides.dispatch()
    await sides.deliver(0)
    # The answer is lost: the ticket is queued, and the order is not yet.
    await sides.crash_order()
    await sides.orders.update_order(
        ANNA, order.id, [LineRequest("fries", 1)], note=None, if_version=None
    )
    await sides.dispatch()
    await sides.deliver(0)
    [rejection] = sides.network.letters
    sides.network.lose_all()
    await sides.tick()
    await sides.connect()
    await sides.deliver(0)
    assert (await sides.order(order.id)).status is Status.QUEUED
    sides.network.post(rejection)

    await sides.heal()

    await Witness(sides).check_agreement([order.id])
    ticket = await sides.ticket(order.id)
    assert ticket is not None
    assert [line.sku for line in ticket.lines] == ["fries"]
    await sides.close()
