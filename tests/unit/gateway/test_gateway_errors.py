import json
from typing import Any

import grpc
import pytest
from starlette.responses import Response

from gateway.errors import answer_refusal
from infra.errors import Refusal


def body_of(response: Response) -> Any:
    return json.loads(bytes(response.body))


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_grpcs_own_words_are_never_shown(code: grpc.StatusCode) -> None:
    response = answer_refusal(Refusal(code, code.name, "connect to ipv4:127.0.0.1:50052 failed"))
    assert response.status_code >= 400
    assert "50052" not in bytes(response.body).decode()


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_service_that_does_not_answer_is_unavailable(code: grpc.StatusCode) -> None:
    response = answer_refusal(Refusal(code, code.name, ""))
    assert response.status_code == 503
    assert body_of(response)["type"] == "/problems/service-unavailable"
    assert response.headers["retry-after"] == "2"


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED]
)
def test_failure_of_a_service_is_a_bad_gateway(code: grpc.StatusCode) -> None:
    assert answer_refusal(Refusal(code, "ODD", "odd")).status_code == 502


def test_challenge_names_an_error_only_where_a_token_was_shown() -> None:
    refusal = Refusal(grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN", "expired")
    shown = answer_refusal(refusal, token_shown=True).headers["www-authenticate"]
    assert shown == 'Bearer error="invalid_token"'
    assert answer_refusal(refusal).headers["www-authenticate"] == "Bearer"


def test_lists_and_numbers_among_the_facts_are_lists_and_numbers() -> None:
    refusal = Refusal(
        grpc.StatusCode.FAILED_PRECONDITION, "SOLD_OUT", "", {"skus": "bowl tea", "seq": "4"}
    )
    body = body_of(answer_refusal(refusal))
    assert body["skus"] == ["bowl", "tea"]
    assert body["seq"] == 4
