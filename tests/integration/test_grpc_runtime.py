"""The boundary every call passes: errors by the table, nothing of ours in them, and a limit."""

import asyncio

import grpc
import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from infra import grpc_runtime
from infra.errors import Answer, RefusedError, Violation, read_refusal
from infra.grpc_runtime import Boundary, grpc_server, open_channel, user_metadata
from infra.identity import Guard
from shared_proto.restaurant.auth.v1 import auth_pb2 as pb
from shared_proto.restaurant.auth.v1 import auth_pb2_grpc


class TeapotError(RefusedError):
    """A refusal with all that one can carry."""

    def __init__(self):
        super().__init__("short and stout", spout=1, handle="here")
        self.violations = (Violation("/lid", "is missing"),)


class Servicer(auth_pb2_grpc.AuthServiceServicer):
    def __init__(self):
        self.release = asyncio.Event()
        self.entered = asyncio.Semaphore(0)

    async def VerifyToken(self, request, context):
        self.bound = get_contextvars()
        return pb.VerifyTokenResponse()

    async def Login(self, request, context):
        raise TeapotError

    async def Register(self, request, context):
        raise ValueError("redis://user:secret@host")

    async def Logout(self, request, context):
        self.entered.release()
        await self.release.wait()
        return pb.LogoutResponse()


@pytest.fixture
async def servicer():
    return Servicer()


@pytest.fixture
async def stub(servicer, monkeypatch):
    monkeypatch.setattr(grpc_runtime, "MAX_CONCURRENT_CALLS", 4)

    def register(server):
        auth_pb2_grpc.add_AuthServiceServicer_to_server(servicer, server)
        return ["restaurant.auth.v1.AuthService"]

    answers = {TeapotError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "TEAPOT")}
    async with (
        grpc_server(
            "127.0.0.1:0", register, Boundary(Guard(None, {}), answers), drain_seconds=0.1
        ) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield auth_pb2_grpc.AuthServiceStub(channel)


async def refusal_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return read_refusal(refused.value)


async def test_a_refusal_arrives_whole(stub):
    refusal = await refusal_of(stub.Login(pb.LoginRequest()))
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    assert (refusal.reason, refusal.message) == ("TEAPOT", "short and stout")
    assert refusal.facts == {"spout": "1", "handle": "here"}
    assert refusal.violations == (Violation("/lid", "is missing"),)


async def test_what_nobody_expected_leaves_bare(stub):
    refusal = await refusal_of(stub.Register(pb.RegisterRequest()))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in refusal.message


async def test_calls_past_the_limit_are_refused_and_the_others_go_on(stub, servicer):
    waiting = [asyncio.ensure_future(stub.Logout(pb.LogoutRequest())) for _ in range(4)]
    for _ in waiting:
        await servicer.entered.acquire()
    refusal = await refusal_of(stub.Logout(pb.LogoutRequest()))
    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    servicer.release.set()
    assert await asyncio.gather(*waiting) == [pb.LogoutResponse()] * 4


async def test_request_id_and_trace_of_the_caller_join_the_lines_of_the_service(stub, servicer):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with bound_contextvars(request_id="table-4", traceparent=trace):
        await stub.VerifyToken(pb.VerifyTokenRequest(), metadata=user_metadata(""))
    assert servicer.bound == {"request_id": "table-4", "traceparent": trace}


@pytest.mark.parametrize(
    "trace", ["", "00-0-0-01", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'g' * 32}-{'1' * 16}-01"]
)
async def test_a_trace_that_is_none_is_not_passed_on(stub, servicer, trace):
    await stub.VerifyToken(pb.VerifyTokenRequest(), metadata=(("traceparent", trace),))
    assert servicer.bound.keys() == {"request_id"}
