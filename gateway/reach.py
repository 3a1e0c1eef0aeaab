"""Which services the gateway hears: no screen shows for live what nobody keeps up to date."""

import asyncio
from collections.abc import Callable, Iterable

import grpc

LOST_AFTER_SECONDS = 0.5
"""Seconds without a service before it counts as away: another replica is found sooner than that."""


class Reach:
    """The services that are listened to, each heard or away. All are away in the beginning.

    Args:
        services: their names.
        tell: called whenever one was lost or is back.
    """

    def __init__(self, services: Iterable[str], tell: Callable[[], None]) -> None:
        self._away = set(services)
        self._tell = tell
        self._losing: dict[str, asyncio.TimerHandle] = {}

    @property
    def away(self) -> list[str]:
        """The services that are not heard, by name."""
        return sorted(self._away)

    def lose(self, service: str) -> None:
        """Count ``service`` as away, unless it is found again within a moment."""
        if service not in self._away and service not in self._losing:
            loop = asyncio.get_running_loop()
            self._losing[service] = loop.call_later(LOST_AFTER_SECONDS, self._lost, service)

    def _lost(self, service: str) -> None:
        del self._losing[service]
        self._away.add(service)
        self._tell()

    def find(self, service: str) -> None:
        """Count ``service`` as heard."""
        if (losing := self._losing.pop(service, None)) is not None:
            losing.cancel()
        if service in self._away:
            self._away.remove(service)
            self._tell()

    async def follow(self, service: str, channel: grpc.aio.Channel) -> None:
        """Count ``service`` as heard while ``channel`` is connected to it. Ends when cancelled."""
        while True:
            state = channel.get_state(try_to_connect=True)
            if state is grpc.ChannelConnectivity.READY:
                self.find(service)
            else:
                self.lose(service)
            await channel.wait_for_state_change(state)
