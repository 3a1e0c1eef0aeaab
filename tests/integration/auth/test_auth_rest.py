"""Auth's REST, through its real application."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from auth.app import Auth
from auth.domain import HashingBusyError
from auth.rest import rest_app, rest_routes

ANNA = {"login": "anna", "password": "chicken bowl"}


@pytest.fixture
async def client(auth: Auth) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(rest_app(auth.service))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def _assert_problem(response: httpx.Response, status: int, slug: str) -> dict[str, object]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert body["type"] == f"/problems/{slug}"
    return body


async def _login(client: httpx.AsyncClient) -> dict[str, str]:
    await client.post("/api/v1/register", json=ANNA)
    tokens: dict[str, str] = (await client.post("/api/v1/login", json=ANNA)).json()
    return tokens


async def test_registered_account_is_201(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/register", json=ANNA)
    assert response.status_code == 201
    body = response.json()
    assert body == {"user_id": body["user_id"], "login": "anna", "roles": ["customer"]}


async def test_taken_name_is_409(client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/register", json=ANNA)
    response = await client.post("/api/v1/register", json=ANNA | {"login": "ANNA"})
    _assert_problem(response, 409, "login-taken")


async def test_unfit_registration_names_its_fields(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/register", json={"login": "", "password": "password"})
    body = _assert_problem(response, 422, "invalid-request")
    assert {error["pointer"] for error in body["errors"]} == {"/login", "/password"}  # type: ignore[attr-defined]


async def test_field_that_nobody_asked_for_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/register", json=ANNA | {"roles": ["admin"]})
    body = _assert_problem(response, 422, "invalid-request")
    assert [error["pointer"] for error in body["errors"]] == ["/roles"]  # type: ignore[attr-defined]


async def test_field_that_is_there_twice_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/v1/register",
        content=b'{"login": "anna", "password": "chicken bowl", "login": "boris"}',
        headers={"Content-Type": "application/json"},
    )
    body = _assert_problem(response, 422, "invalid-request")
    assert [error["pointer"] for error in body["errors"]] == ["/login"]  # type: ignore[attr-defined]


async def test_login_answers_a_pair_of_tokens_that_nobody_stores(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/api/v1/register", json=ANNA)
    response = await client.post("/api/v1/login", json=ANNA)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert "set-cookie" not in response.headers


async def test_wrong_password_and_unknown_name_have_the_same_answer(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/api/v1/register", json=ANNA)
    wrong = await client.post("/api/v1/login", json=ANNA | {"password": "beef bowl"})
    unknown = await client.post("/api/v1/login", json=ANNA | {"login": "nobody"})
    _assert_problem(wrong, 401, "wrong-credentials")
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)


async def test_refresh_answers_a_new_pair(client: httpx.AsyncClient) -> None:
    tokens = await _login(client)
    shown = {"refresh_token": tokens["refresh_token"]}
    response = await client.post("/api/v1/token/refresh", json=shown)
    assert response.status_code == 200
    assert response.json()["refresh_token"] != tokens["refresh_token"]


async def test_logout_is_204_and_its_token_is_good_no_more(client: httpx.AsyncClient) -> None:
    shown = {"refresh_token": (await _login(client))["refresh_token"]}
    assert (await client.post("/api/v1/logout", json=shown)).status_code == 204
    response = await client.post("/api/v1/token/refresh", json=shown)
    _assert_problem(response, 401, "invalid-refresh-token")


async def test_verify_says_whose_token_it_is(client: httpx.AsyncClient) -> None:
    tokens = await _login(client)
    response = await client.post("/api/v1/verify", json={"access_token": tokens["access_token"]})
    body = response.json()
    assert (body["login"], body["roles"]) == ("anna", ["customer"])
    assert body["expires_at"].endswith("Z")
    forged = await client.post("/api/v1/verify", json={"access_token": "forged"})
    _assert_problem(forged, 401, "invalid-token")


async def test_me_takes_a_bearer_token_and_no_cookie(client: httpx.AsyncClient) -> None:
    token = (await _login(client))["access_token"]
    answer = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["login"] == "anna"
    by_cookie = await client.get("/api/v1/me", headers={"Cookie": f"access_token={token}"})
    _assert_problem(by_cookie, 401, "invalid-token")
    assert by_cookie.headers["www-authenticate"] == "Bearer"
    forged = await client.get("/api/v1/me", headers={"Authorization": "Bearer forged"})
    assert forged.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_bearer_token_may_stand_after_several_spaces(client: httpx.AsyncClient) -> None:
    """RFC 9110, section 11.4: one space or more."""
    token = (await _login(client))["access_token"]
    response = await client.get("/api/v1/me", headers={"Authorization": f"bearer  {token}"})
    assert response.json()["login"] == "anna"


async def test_changed_password_counts_at_once(client: httpx.AsyncClient) -> None:
    tokens = await _login(client)
    response = await client.put(
        "/api/v1/password",
        json={"current_password": ANNA["password"], "new_password": "falafel wrap"},
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
    )
    assert response.status_code == 200
    _assert_problem(await client.post("/api/v1/login", json=ANNA), 401, "wrong-credentials")
    login = await client.post("/api/v1/login", json=ANNA | {"password": "falafel wrap"})
    assert login.status_code == 200


async def test_public_keys_are_published(client: httpx.AsyncClient) -> None:
    response = await client.get("/.well-known/jwks.json")
    (key,) = response.json()["keys"]
    assert (key["kty"], key["crv"], key["alg"]) == ("OKP", "Ed25519", "EdDSA")


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/json, application/jwk-set+json",
        "application/json, text/plain, */*",
        "application/jwk-set+json",
        "*/*",
        "",
    ],
)
async def test_public_keys_are_for_all_that_read_json(
    client: httpx.AsyncClient, accept: str
) -> None:
    response = await client.get("/.well-known/jwks.json", headers={"Accept": accept})
    assert response.status_code == 200
    # RFC 7517, section 8.5.1.
    assert response.headers["content-type"] == "application/jwk-set+json"
    assert response.json()["keys"]


async def test_all_that_can_be_read_is_json_for_those_that_ask_for_json(
    client: httpx.AsyncClient,
) -> None:
    json_alone = {"Accept": "application/json"}
    told = (await client.get("/openapi.json", headers=json_alone)).json()
    for path, methods in told["paths"].items():
        if "get" in methods:
            response = await client.get(path, headers=json_alone)
            assert response.status_code != 406, path
            assert "json" in response.headers["content-type"]


async def test_paths_have_no_slash_at_the_end(client: httpx.AsyncClient) -> None:
    for method, path in (("POST", "/api/v1/login/"), ("GET", "/docs/"), ("GET", "/problems/")):
        response = await client.request(method, path)
        problem = _assert_problem(response, 404, "not-found")
        assert problem["detail"] == "no path here ends with a slash"
        assert "location" not in response.headers


async def test_api_tells_of_every_path_it_serves(client: httpx.AsyncClient, auth: Auth) -> None:
    told = (await client.get("/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    served = {route.path for route in rest_routes(auth.service)}
    assert {path for path in served - set(told["paths"]) if not path.startswith("/docs")} == {
        "/openapi.json"
    }
    body = told["paths"]["/api/v1/login"]["post"]["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert set(told["components"]["schemas"][name]["required"]) == {"login", "password"}


async def test_malformed_body_is_400(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = await client.post("/api/v1/login", content=b"{", headers=headers)
    _assert_problem(response, 400, "malformed-json")


async def test_rush_of_passwords_is_429_with_retry_after(
    client: httpx.AsyncClient, auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: str, address: str) -> None:
        raise HashingBusyError("too many passwords wait")

    monkeypatch.setattr(auth.service, "login", busy)
    response = await client.post("/api/v1/login", json=ANNA)
    _assert_problem(response, 429, "hashing-busy")
    assert response.headers["retry-after"] == "1"


async def test_concurrent_registrations_of_one_name_yield_one_201(
    client: httpx.AsyncClient,
) -> None:
    answers = await asyncio.gather(*(client.post("/api/v1/register", json=ANNA) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
