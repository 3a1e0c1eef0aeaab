"""The rates of the calls, round after round, the ceiling right before and after each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from infra.dev.bench.generator import Load
from infra.dev.bench.house import House, Server
from infra.dev.bench.meter import Meter
from infra.dev.bench.results import CALLS, Round, Sample

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Call:
    """A call whose rate is measured, and the gateways that share its load."""

    load: Load
    gateways: tuple[Server, ...]
    places: bool = False


@dataclass(frozen=True)
class Length:
    """How long and how often."""

    rounds: int
    call_seconds: int
    ceiling_seconds: int


class Rounds:
    """Measures all calls once a round; one call's ceiling after it is the next one's before it."""

    def __init__(self, house: House, meter: Meter, hello: Load, tell: Tell) -> None:
        self._house = house
        self._meter = meter
        self._hello = hello
        self._tell = tell

    async def measure(self, calls: Mapping[str, Call], length: Length) -> dict[str, list[Round]]:
        """All rounds of each of ``calls``. Raises BenchError."""
        rounds: dict[str, list[Round]] = {name: [] for name in calls}
        for number in range(1, length.rounds + 1):
            ceilings: dict[int, Sample] = {}
            for name, call in calls.items():
                servers = len(call.gateways)
                if servers not in ceilings:
                    ceilings[servers] = await self._ceiling(servers, length.ceiling_seconds)
                before = ceilings[servers]
                sample = await self.sample(call, length.call_seconds)
                # Only this one is right before the next call.
                ceilings = {servers: await self._ceiling(servers, length.ceiling_seconds)}
                measured = Round(sample, before, ceilings[servers])
                rounds[name].append(measured)
                self._tell(f"round {number}/{length.rounds}  {describe(name, measured)}")
        return rounds

    async def sample(self, call: Call, seconds: int) -> Sample:
        """One sample of ``call``, with every process that takes part. Raises BenchError."""
        return await self._meter.measure(
            call.load,
            [gateway.port for gateway in call.gateways],
            self._house.pids(*call.gateways),
            seconds,
            places=call.places,
        )

    async def _ceiling(self, servers: int, seconds: int) -> Sample:
        hellos: Sequence[Server] = self._house.hellos[:servers]
        pids = {"hello": [hello.program.pid for hello in hellos]}
        return await self._meter.measure(
            self._hello, [hello.port for hello in hellos], pids, seconds
        )


def describe(name: str, measured: Round) -> str:
    """A round in one line."""
    sample = measured.sample
    return (
        f"{CALLS[name]}: {sample.rate:.0f}/s, ceiling {measured.ceiling:.0f}/s "
        f"({measured.share_of_ceiling:.2f}); {sample.all_cpu_per_request * 1e6:.0f} µs of CPU, "
        f"{measured.hellos_of_cpu:.1f} hellos; others used {sample.others_cores:.1f} cores"
    )
