import uuid
from datetime import timedelta

from infra import tracing
from infra.limits import Limit, SlidingWindow
from infra.redis_client import open_redis
from infra.settings import ServiceSettings
from tests.otlp_receiver import OtlpReceiver


async def test_what_redis_is_asked_is_a_span_of_the_work_under_way(redis_server):
    trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    with OtlpReceiver() as receiver:
        settings = ServiceSettings(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, drain_seconds=60)
        with tracing.exporting("order", settings):
            async with open_redis(redis_server.url) as redis:
                # Nobody's work, such as a metric that is brought up to date.
                await redis.get("a")
                limit = SlidingWindow(redis, Limit(5, timedelta(minutes=1)))
                await limit.take("limit", "anna")
                with tracing.within(f"00-{trace_id}-{span_id}-01"):
                    await redis.get("a")
                    await limit.take("limit", "berta")
                    async with redis.pipeline(transaction=False) as pipe:
                        await pipe.get("a").get("b").execute()
                    async with redis.pipeline(transaction=True) as pipe:
                        await pipe.get("{a}").exists("{a}b").execute()
    spans = receiver.of_trace(trace_id)
    assert spans == sorted(receiver.spans, key=lambda span: span.start_ns)
    assert {(span.parent_id, span.kind, span.failed) for span in spans} == {
        (span_id, "client", False)
    }
    where = {
        "db.system.name": "redis",
        "db.namespace": "0",
        "server.address": "127.0.0.1",
        "server.port": redis_server.port,
    }
    assert [(span.name, span.attributes) for span in spans] == [
        ("GET", {**where, "db.operation.name": "GET"}),
        (
            "EVALSHA take_place.lua",
            {
                **where,
                "db.operation.name": "EVALSHA",
                "db.stored_procedure.name": "take_place.lua",
            },
        ),
        (
            "PIPELINE GET",
            {**where, "db.operation.name": "PIPELINE GET", "db.operation.batch.size": 2},
        ),
        ("MULTI", {**where, "db.operation.name": "MULTI", "db.operation.batch.size": 2}),
    ]
