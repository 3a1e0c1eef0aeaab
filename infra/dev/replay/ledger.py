"""The books of a replay: what was acknowledged, what streams told, and whether it agrees."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.clock import from_text
from infra.dev.replay.sales_file import SoldOrder

COMPLETED = "completed"
FINAL = frozenset({COMPLETED, "cancelled", "rejected"})
# Written down here a second time on purpose: the books are kept by somebody other than the cook.
NEXT: Mapping[str | None, frozenset[str]] = {
    None: frozenset({"placed"}),
    "placed": frozenset({"queued", "rejected", "cancelled", "placed"}),
    "queued": frozenset({"preparing", "cancelled", "queued"}),
    "preparing": frozenset({"ready", "cancelled", "preparing"}),
    "ready": frozenset({COMPLETED, "preparing", "cancelled"}),
}


@dataclass
class _Account:
    """All that is known about one acknowledged or streamed order."""

    sold: SoldOrder | None = None
    total: int = 0
    status: str | None = None
    version: int = 0
    snapshot_version: int = 0
    """The version a snapshot showed; events up to there may still be told, and are no news."""


@dataclass(frozen=True)
class Audit:
    """What the books say. Everything listed is at fault, by order id or by the file's number."""

    acknowledged: int
    completed: int
    events: int
    money_sold: int
    money_placed: int
    unplaced: list[str] = field(default_factory=list)
    """Orders of the file that were never acknowledged."""
    unfinished: list[str] = field(default_factory=list)
    """Acknowledged, and not seen to be completed."""
    lost: list[str] = field(default_factory=list)
    """Acknowledged, and missing in the guests' own lists."""
    duplicated: list[str] = field(default_factory=list)
    """In the guests' lists without having been acknowledged, or acknowledged for two orders."""
    disordered: list[str] = field(default_factory=list)
    """What streams told wrongly: a version missing or told twice, or a move that can't be."""
    mispriced: list[str] = field(default_factory=list)
    """The total is not the file's."""
    disagreeing: list[str] = field(default_factory=list)
    """The list shows another status or version than the stream told last."""

    @property
    def is_clean(self) -> bool:
        """True when nothing at all is at fault."""
        return not any(isinstance(found, list) and found for found in vars(self).values())


class Ledger:
    """Keeps the books of one replay."""

    def __init__(self, sold: Iterable[SoldOrder]) -> None:
        self._sold = {order.number: order for order in sold}
        self._accounts: dict[str, _Account] = {}
        self._placed: set[str] = set()
        self._duplicated: list[str] = []
        self._disordered: list[str] = []
        self.delays: list[float] = []
        """For each event told, seconds from the change itself to its arrival here."""

    @property
    def acknowledged(self) -> int:
        return len(self._placed)

    @property
    def finished(self) -> int:
        """How many acknowledged orders have come to an end of any kind."""
        return sum(a.sold is not None and a.status in FINAL for a in self._accounts.values())

    def acknowledge(self, sold: SoldOrder, order: Mapping[str, Any]) -> None:
        """Books the gateway's 201 for an order of the file."""
        account = self._account(order["id"])
        if account.sold is not None or sold.number in self._placed:
            self._duplicated.append(str(order["id"]))
            return
        account.sold = sold
        account.total = order["total"]
        self._placed.add(sold.number)

    def take_snapshot(self, orders: Iterable[Mapping[str, Any]]) -> None:
        """Books what a stream's snapshot shows: events up to there will not be told one by one."""
        for order in orders:
            account = self._account(order["id"])
            if order["version"] > account.version:
                account.version, account.status = order["version"], order["status"]
                account.snapshot_version = order["version"]

    def take_event(self, event: Mapping[str, Any], arrived_at: datetime) -> None:
        """Books a status event, and what is wrong with it after all that was told before."""
        account = self._account(event["order_id"])
        if event["version"] <= account.snapshot_version:
            return
        self.delays.append((arrived_at - from_text(event["at"])).total_seconds())
        move = f"{event['previous']}→{event['status']}"
        said = f"{event['order_id']}: version {event['version']}, {move}"
        if event["version"] != account.version + 1:
            self._disordered.append(f"{said} after version {account.version}")
        elif (event["previous"] or None) != account.status:
            self._disordered.append(f"{said} after {account.status}")
        elif event["status"] not in NEXT.get(account.status, frozenset()):
            self._disordered.append(f"{said} is no move an order can make")
        account.version = max(event["version"], account.version)
        account.status = event["status"]

    def audit(self, listed: Iterable[Mapping[str, Any]] | None) -> Audit:
        """Balances the books.

        Args:
            listed: every order of every guest as ``GET /order`` lists them in the end; None when
                that was not asked, and then nothing is said of lost and doubled ones.
        """
        ours = {id_: a for id_, a in self._accounts.items() if a.sold is not None}
        lost: list[str] = []
        duplicated, disagreeing = list(self._duplicated), []
        mispriced = {id_ for id_, a in ours.items() if a.sold and a.total != a.sold.total}
        if listed is not None:
            seen: set[str] = set()
            for order in listed:
                account = ours.get(order["id"])
                if account is None or account.sold is None or order["id"] in seen:
                    duplicated.append(order["id"])
                    continue
                seen.add(order["id"])
                if (order["status"], order["version"]) != (account.status, account.version):
                    disagreeing.append(order["id"])
                if order["total"] != account.sold.total:
                    mispriced.add(order["id"])
            lost = [id_ for id_ in ours if id_ not in seen]
        return Audit(
            acknowledged=len(self._placed),
            completed=sum(a.status == COMPLETED for a in ours.values()),
            events=len(self.delays),
            money_sold=sum(order.total for order in self._sold.values()),
            money_placed=sum(account.total for account in ours.values()),
            unplaced=[number for number in self._sold if number not in self._placed],
            unfinished=[id_ for id_, a in ours.items() if a.status != COMPLETED],
            lost=lost,
            duplicated=duplicated,
            disordered=list(self._disordered),
            mispriced=sorted(mispriced),
            disagreeing=disagreeing,
        )

    def _account(self, order_id: str) -> _Account:
        return self._accounts.setdefault(order_id, _Account())
