import asyncio

from gateway.turns import TURNS_IN_A_ROW, Turns


class Guest:
    """Takes turns, and asks for another as often as it was told to."""

    def __init__(self, turns: Turns, name: int, order: list[int], *, again: int = 0) -> None:
        self._turns = turns
        self._name = name
        self._order = order
        self._again = again

    def take_turn(self) -> None:
        self._order.append(self._name)
        if self._again:
            self._again -= 1
            self._turns.wait_for_one(self)


async def test_turns_are_taken_in_order_and_not_at_once() -> None:
    turns = Turns()
    order: list[int] = []
    for name in range(3):
        turns.wait_for_one(Guest(turns, name, order))
    assert order == []
    await asyncio.sleep(0)
    assert order == [0, 1, 2]


async def test_others_get_their_turn_between_many() -> None:
    turns = Turns()
    order: list[int] = []
    for name in range(TURNS_IN_A_ROW + 1):
        turns.wait_for_one(Guest(turns, name, order))
    await asyncio.sleep(0)
    assert len(order) == TURNS_IN_A_ROW
    await asyncio.sleep(0)
    assert len(order) == TURNS_IN_A_ROW + 1


async def test_one_who_always_wants_another_turn_holds_up_nobody() -> None:
    turns = Turns()
    order: list[int] = []
    turns.wait_for_one(Guest(turns, 1, order, again=2))
    await asyncio.sleep(0)
    assert order == [1]
    turns.wait_for_one(Guest(turns, 2, order))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert order == [1, 1, 2, 1]
