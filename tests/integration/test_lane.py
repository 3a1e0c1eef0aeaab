"""A lane against plain calls: the same stubs, the same answers, one bad call alone."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest

from infra import lane as lane_module
from infra.errors import Answer, RefusedError, Violation, read_refusal
from infra.grpc_runtime import Boundary, grpc_server, open_channel
from infra.identity import Guard
from infra.lane import Lane, LaneChannel, open_lanes
from infra.logs import get_logger
from shared_proto.restaurant.auth.v1 import auth_pb2 as pb
from shared_proto.restaurant.auth.v1 import auth_pb2_grpc
from tests.conftest import free_port

log = get_logger()


class TeapotError(RefusedError):
    def __init__(self):
        super().__init__("short and stout", spout=1)
        self.violations = (Violation("/lid", "is missing"),)


class Servicer(auth_pb2_grpc.AuthServiceServicer):
    """Answers who calls, refuses, breaks, or waits until it is released."""

    def __init__(self):
        self.release = asyncio.Event()
        self.entered = asyncio.Semaphore(0)
        self.cancelled = asyncio.Event()
        self.seen = []

    async def VerifyToken(self, request, context):
        metadata = dict(context.invocation_metadata())
        self.seen.append((metadata, context.time_remaining()))
        return pb.VerifyTokenResponse(account=pb.Account(user_id=request.access_token))

    async def Login(self, request, context):
        raise TeapotError

    async def Register(self, request, context):
        raise ValueError("a secret")

    async def Logout(self, request, context):
        self.entered.release()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return pb.LogoutResponse()


class OpenGuard(Guard):
    """Lets everybody do everything: who may call what has its own tests."""

    def __init__(self):
        super().__init__(None, {})

    async def admit(self, method, metadata):
        from infra.identity import Caller

        return Caller(service="test")


@asynccontextmanager
async def serving(servicer, port=0):
    def register(server):
        auth_pb2_grpc.add_AuthServiceServicer_to_server(servicer, server)
        return ["restaurant.auth.v1.AuthService"]

    answers = {TeapotError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "TEAPOT")}
    boundary = Boundary(OpenGuard(), answers)
    async with grpc_server(f"127.0.0.1:{port}", register, boundary, drain_seconds=0.1) as bound:
        yield bound


async def opened(lanes):
    """Waits until every lane is open; the state is all there is to look at."""
    while not all(lane.is_open for lane in lanes._lanes):  # noqa: ASYNC110
        await asyncio.sleep(0.005)


@pytest.fixture
async def servicer():
    return Servicer()


@pytest.fixture(params=["plain", "lane", "three lanes"])
async def stub(request, servicer):
    count = {"plain": 0, "lane": 1, "three lanes": 3}[request.param]
    async with (
        serving(servicer) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
        open_lanes(channel, tuple, lanes=count) as lanes,
    ):
        await opened(lanes)
        yield auth_pb2_grpc.AuthServiceStub(lanes)


async def refusal_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return read_refusal(refused.value)


async def test_a_crowd_gets_each_its_own_answer(stub):
    names = [f"guest-{n}" for n in range(500)]
    answers = await asyncio.gather(
        *(stub.VerifyToken(pb.VerifyTokenRequest(access_token=name)) for name in names)
    )
    assert [answer.account.user_id for answer in answers] == names


async def test_metadata_and_deadline_travel_with_the_call(stub, servicer):
    metadata = (("authorization", "Bearer x"), ("blob-bin", b"\x00\xff"))
    await stub.VerifyToken(pb.VerifyTokenRequest(), metadata=metadata, timeout=30)
    ((seen, remaining),) = servicer.seen
    assert (seen["authorization"], seen["blob-bin"]) == ("Bearer x", b"\x00\xff")
    # gRPC rounds deadlines up on the wire, these to a tenth of a second.
    assert 0 < remaining <= 30.2


@pytest.mark.parametrize("value", ["x\nx-brigade-service\ngateway", "x\n"])
async def test_metadata_that_is_none_reaches_nobody(stub, servicer, value):
    call = stub.VerifyToken(pb.VerifyTokenRequest(), metadata=(("x-request-id", value),))
    with pytest.raises(Exception, match="execute_batch"):
        await call
    assert not servicer.seen


async def test_one_bad_call_fails_alone_with_all_its_details(stub):
    good, refused, broken = await asyncio.gather(
        stub.VerifyToken(pb.VerifyTokenRequest(access_token="good")),
        refusal_of(stub.Login(pb.LoginRequest())),
        refusal_of(stub.Register(pb.RegisterRequest())),
    )
    assert good.account.user_id == "good"
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TEAPOT")
    assert refused.facts == {"spout": "1"}
    assert refused.violations == (Violation("/lid", "is missing"),)
    assert (broken.code, broken.message) == (grpc.StatusCode.INTERNAL, "internal")


async def test_what_the_server_does_not_have_is_unimplemented(stub):
    refusal = await refusal_of(stub.GetPublicKeys(pb.GetPublicKeysRequest()))
    assert refusal.code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_deadline_ends_the_call_on_both_sides(stub, servicer):
    refusal = await refusal_of(stub.Logout(pb.LogoutRequest(), timeout=0.05))
    assert refusal.code is grpc.StatusCode.DEADLINE_EXCEEDED
    await servicer.cancelled.wait()


async def test_a_cancelled_call_is_cancelled_at_the_servicer(stub, servicer):
    call = asyncio.ensure_future(stub.Logout(pb.LogoutRequest()))
    await servicer.entered.acquire()
    call.cancel()
    await servicer.cancelled.wait()
    assert (await stub.VerifyToken(pb.VerifyTokenRequest(access_token="on"))).account.user_id


async def test_a_slow_call_holds_nobody_up(stub, servicer):
    slow = asyncio.ensure_future(stub.Logout(pb.LogoutRequest()))
    await servicer.entered.acquire()
    await stub.VerifyToken(pb.VerifyTokenRequest())
    assert not slow.done()
    servicer.release.set()
    assert await slow == pb.LogoutResponse()


async def test_a_lane_that_breaks_fails_its_calls_and_comes_back(servicer):
    port = free_port()
    async with (
        open_channel(f"127.0.0.1:{port}") as channel,
        open_lanes(channel, tuple, lanes=1) as lanes,
    ):
        stub = auth_pb2_grpc.AuthServiceStub(lanes)
        async with serving(servicer, port):
            await opened(lanes)
            call = asyncio.ensure_future(refusal_of(stub.Logout(pb.LogoutRequest())))
            await servicer.entered.acquire()
        assert (await call).code is grpc.StatusCode.UNAVAILABLE
        down = await refusal_of(stub.VerifyToken(pb.VerifyTokenRequest(), timeout=5))
        assert down.code is grpc.StatusCode.UNAVAILABLE
        async with serving(servicer, port):
            await opened(lanes)
            assert await stub.VerifyToken(pb.VerifyTokenRequest())


class BrokenStream:
    """A stream that is over, as its writer learns by ``error``."""

    def __init__(self, error):
        self._error = error

    async def initial_metadata(self):
        return ()

    async def write(self, _):
        raise self._error

    async def read(self):
        await asyncio.Event().wait()

    def cancel(self):
        pass


@pytest.mark.parametrize("error", [asyncio.InvalidStateError("RPC already finished."), KeyError()])
async def test_a_lane_whose_writer_fails_is_opened_again(servicer, error):
    async with serving(servicer) as port, open_channel(f"127.0.0.1:{port}") as channel:
        lane = Lane(channel, tuple)
        real, broken = lane._stub.Ride, iter([BrokenStream(error)])
        lane._stub.Ride = lambda **options: next(broken, None) or real(**options)
        lanes = LaneChannel(channel, [lane])
        stub = auth_pb2_grpc.AuthServiceStub(lanes)
        running = asyncio.create_task(lane.run())
        await opened(lanes)
        lost = await refusal_of(stub.VerifyToken(pb.VerifyTokenRequest()))
        assert lost.code is grpc.StatusCode.UNAVAILABLE
        await opened(lanes)
        assert await stub.VerifyToken(pb.VerifyTokenRequest())
        assert lane.load == 0
        running.cancel()
        await asyncio.wait({running})


async def test_an_answer_too_large_for_a_message_fails_alone(servicer, monkeypatch):
    monkeypatch.setattr(lane_module, "MAX_MESSAGE_BYTES", lane_module.BATCH_BYTES + 1_000)
    async with (
        serving(servicer) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
        open_lanes(channel, tuple, lanes=1) as lanes,
    ):
        await opened(lanes)
        stub = auth_pb2_grpc.AuthServiceStub(lanes)
        slow = asyncio.ensure_future(stub.Logout(pb.LogoutRequest()))
        await servicer.entered.acquire()
        refusal = await refusal_of(
            stub.VerifyToken(pb.VerifyTokenRequest(access_token="x" * 2_000))
        )
        assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        servicer.release.set()
        await slow


async def test_large_answers_and_questions_do_not_break_the_lane(stub):
    name = "x" * 300_000
    answers = await asyncio.gather(
        *(stub.VerifyToken(pb.VerifyTokenRequest(access_token=name)) for _ in range(40))
    )
    assert all(answer.account.user_id == name for answer in answers)


async def test_lanes_to_one_replica_share_one_and_replicas_share_the_calls(servicer):
    other = Servicer()
    async with (
        serving(servicer) as port,
        serving(other) as other_port,
        open_channel(f"127.0.0.1:{port}") as channel,
        open_channel(f"127.0.0.1:{other_port}") as other_channel,
        open_lanes(channel, tuple, lanes=2) as lanes,
        open_lanes(other_channel, tuple, lanes=2) as other_lanes,
    ):
        # As a balancing channel deals its streams out.
        dealt = LaneChannel(channel, [*lanes._lanes, *other_lanes._lanes])
        await opened(dealt)
        stub = auth_pb2_grpc.AuthServiceStub(dealt)
        held = [asyncio.create_task(stub.Logout(pb.LogoutRequest())) for _ in range(6)]
        for each in (servicer, other):
            for _ in range(3):
                await each.entered.acquire()
        assert sorted(lane.load for lane in dealt._lanes) == [0, 0, 3, 3]
        for task in held:
            task.cancel()
        await asyncio.wait(held)
