"""Copies of frozen records."""

from dataclasses import dataclass, replace

from infra.frozen import altered


@dataclass(frozen=True)
class Dish:
    name: str
    price: int = 0


def test_copy_has_what_was_altered_and_the_rest_as_it_was() -> None:
    bowl = Dish("Bowl", 950)
    assert altered(bowl, price=1000) == replace(bowl, price=1000)
    assert bowl == Dish("Bowl", 950)
