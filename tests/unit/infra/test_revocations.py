"""What a verifier knows of revoked tokens."""

from infra.identity import Caller
from infra.revocations import Revocations
from shared_proto.restaurant.auth.v1.auth_pb2 import Revocation

NOW = 1_795_000_000.0


def of_session(session: str, *, expires_at: float = NOW + 900) -> Revocation:
    return Revocation(
        session_id=session, revoked_at_ms=int(NOW * 1000), expires_at_ms=int(expires_at * 1000)
    )


def of_user(user_id: str, *, at: float = NOW) -> Revocation:
    return Revocation(
        user_id=user_id, revoked_at_ms=int(at * 1000), expires_at_ms=int((at + 900) * 1000)
    )


def caller(user_id: str = "anna", session: str = "s1", issued_at: float = NOW - 60) -> Caller:
    return Caller(user_id=user_id, session=session, issued_at=issued_at, token="t")


def test_revoked_session_takes_its_tokens_and_no_others() -> None:
    revocations = Revocations(clock=lambda: NOW)
    revocations.take([of_session("s1")])
    assert revocations.cover(caller())
    assert not revocations.cover(caller(session="s2"))


def test_revoked_user_may_sign_in_anew() -> None:
    revocations = Revocations(clock=lambda: NOW)
    revocations.take([of_user("anna")])
    assert revocations.cover(caller(issued_at=NOW - 0.001))
    assert not revocations.cover(caller(issued_at=NOW))
    assert not revocations.cover(caller(user_id="bert"))


def test_last_revocation_of_a_user_counts_in_whatever_order_they_come() -> None:
    revocations = Revocations(clock=lambda: NOW)
    revocations.take([of_user("anna"), of_user("anna", at=NOW - 30)])
    assert revocations.cover(caller(issued_at=NOW - 10))


def test_revocation_is_forgotten_when_its_last_token_has_expired() -> None:
    now = NOW
    revocations = Revocations(clock=lambda: now)
    revocations.take([of_session("s1", expires_at=NOW + 1)])
    now += 2
    revocations.take([of_session("s2")])
    assert not revocations.cover(caller(session="s1"))
    assert revocations.cover(caller(session="s2"))


def test_who_asked_is_told_of_news_alone() -> None:
    told: list[bool] = []
    revocations = Revocations(clock=lambda: NOW, told=lambda: told.append(True))
    revocations.take([])
    assert not told
    revocations.take([of_session("s1")])
    assert told
