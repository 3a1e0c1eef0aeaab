"""HTTP connections that an answer may break off."""

from collections.abc import Callable
from typing import cast

from starlette.types import Scope

from infra.bounded_http import BoundedHttp

EXTENSION = "brigade.connection"


class Connection(BoundedHttp):
    """uvicorn's, with one thing added to what ASGI offers: an answer can break it off.

    In good order a connection is closed only when the other side has taken all that was written,
    so one that takes nothing would keep it for ever
    (https://github.com/sanic-org/sanic/issues/2921 tells of the same).
    """

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"abort": self.transport.abort}}


def abort_of(scope: Scope) -> Callable[[], None]:
    """What breaks off the connection of a request: at once, whatever was not taken yet."""
    return cast(Callable[[], None], scope["extensions"][EXTENSION]["abort"])
