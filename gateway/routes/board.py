"""The public board: which numbers are being cooked and which are ready."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers
from gateway.boards import Boards
from gateway.clients import PeerAwayError
from gateway.openapi import KITCHEN
from gateway.parameters import kitchen_of
from gateway.problems import KITCHEN_NOT_FOUND, TOO_MANY_BOARDS
from infra.openapi import Reply, operation
from infra.web import JsonResponse


class BoardRoutes:
    """``/board``: for anyone, so numbers and statuses only."""

    def __init__(self, boards: Boards) -> None:
        self._boards = boards

    def routes(self) -> list[Route]:
        return [Route("/board", self.get, methods=["GET"])]

    @operation(
        "Shows the pickup numbers",
        Reply("Numbers by status, first promised and first ready first.", body=answers.Board),
        tag="Board",
        parameters=[KITCHEN],
        problems=[KITCHEN_NOT_FOUND, TOO_MANY_BOARDS],
    )
    async def get(self, request: Request) -> Response:
        board = await self._boards.find(kitchen_of(request))
        if not board.is_loaded:
            raise PeerAwayError("kitchen")
        return JsonResponse(
            {"kitchen": board.kitchen, **board.numbers(), "as_of": board.as_of},
            # The same path is a page for browsers.
            headers={"Cache-Control": "no-store", "Vary": "Accept"},
        )
