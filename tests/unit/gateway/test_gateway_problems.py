"""Every kind of problem has its entry, whichever service it comes from."""

import pytest

import auth.openapi
import auth.servicer
import gateway.problems
import kitchen.servicer
import order.servicer
from auth.rest import HTTP_STATUSES
from gateway.errors import STATUSES, STATUSES_BY_REASON
from infra.errors import COMMON_ANSWERS, Answer, Answers
from infra.identity import IDENTITY_ANSWERS
from infra.problems import ProblemType

# Never met by those who speak HTTP: services alone make these calls, and they are no refusal
# of a request.
INTERNAL_REASONS = {"WATCHER_OVERFLOW", "TOO_MANY_COMMANDS", "UNIMPLEMENTED"}
# auth's, for calls that the gateway does not pass on.
AUTH_ALONE = {"ACCOUNT_CHANGED"}


def slug_of(answer: Answer) -> str:
    return ProblemType.of_reason(answer.reason, 0).slug


@pytest.mark.parametrize(
    "answers",
    [
        order.servicer.ANSWERS,
        kitchen.servicer.ANSWERS,
        auth.servicer.ANSWERS,
        IDENTITY_ANSWERS,
        COMMON_ANSWERS,
    ],
    ids=["order", "kitchen", "auth", "identity", "common"],
)
def test_gateway_tells_of_every_reason_of_every_service(answers: Answers) -> None:
    told = {kind.slug: kind.status for kind in gateway.problems.ALL}
    for answer in answers.values():
        if answer.reason not in INTERNAL_REASONS | AUTH_ALONE:
            status = STATUSES_BY_REASON.get(answer.reason) or STATUSES[answer.code]
            assert told.get(slug_of(answer)) == status, answer


def test_auth_tells_of_every_reason_of_its_own() -> None:
    told = {kind.slug: kind.status for kind in auth.openapi.ALL}
    for answers in (auth.servicer.ANSWERS, IDENTITY_ANSWERS, COMMON_ANSWERS):
        for answer in answers.values():
            if answer.reason not in {"INVALID_REQUEST", "NOT_ALLOWED", "UNIMPLEMENTED"}:
                assert told.get(slug_of(answer)) == HTTP_STATUSES[answer.code], answer


@pytest.mark.parametrize("kinds", [gateway.problems.ALL, auth.openapi.ALL])
def test_each_kind_of_problem_is_told_once_and_in_words(kinds: tuple[ProblemType, ...]) -> None:
    slugs = [kind.slug for kind in kinds]
    assert len(set(slugs)) == len(slugs)
    assert all(kind.when.endswith(".") for kind in kinds)
