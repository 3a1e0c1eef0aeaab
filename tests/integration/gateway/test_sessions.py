"""Sessions of pages: cookies, and from where they count."""

from http.cookies import SimpleCookie

import grpc
import httpx
import pytest
from structlog.testing import capture_logs

from tests.integration.gateway.fake_services import ToldError
from tests.integration.gateway.house import House

ANNA = {"login": "anna", "password": "correct horse"}
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
HTTPS = {"X-Forwarded-Proto": "https"}
GONE = ToldError(grpc.StatusCode.UNAUTHENTICATED, "INVALID_REFRESH_TOKEN")


async def sign_in(house: House, **headers: str) -> httpx.Response:
    answer = await house.http.post("/session", json=ANNA, headers=OWN_PAGE | headers)
    assert answer.status_code == 200, answer.text
    return answer


def cookies_of(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie("\r\n".join(answer.headers.get_list("set-cookie")))


async def test_login_of_a_page_sets_cookies_that_no_script_reads_and_tells_no_token() -> None:
    async with House().open() as house:
        answer = await sign_in(house)
        said = answer.json()
        assert 890 < said.pop("expires_in") <= 900
        assert said == {"user_id": "anna", "login": "anna", "roles": ["customer"]}
        assert answer.headers["cache-control"] == "no-store"
        cookies = cookies_of(answer)
        assert sorted(cookies) == ["brigade_access", "brigade_refresh"]
        for cookie in cookies.values():
            assert cookie["httponly"]
            assert cookie["samesite"] == "strict"
            assert cookie["path"] == "/"
            assert not cookie["domain"]
            assert not cookie["secure"]
            assert cookie.value not in answer.text


async def test_over_https_the_cookies_are_bound_to_host_and_connection() -> None:
    async with House().open(trusted_proxies=("127.0.0.1",)) as house:
        cookies = cookies_of(await sign_in(house, **HTTPS))
        assert sorted(cookies) == ["__Host-brigade_access", "__Host-brigade_refresh"]
        assert all(cookie["secure"] for cookie in cookies.values())
        shown = {"Cookie": f"brigade_access={cookies['__Host-brigade_access'].value}"}
        answer = await house.http.get("/session", headers=HTTPS | shown)
        assert answer.status_code == 401


async def test_forwarding_header_of_anybody_makes_no_secure_connection() -> None:
    async with House().open() as house:
        assert "brigade_access" in cookies_of(await sign_in(house, **HTTPS))


async def test_session_opens_what_a_bearer_token_opens() -> None:
    async with House().open() as house:
        assert (await house.http.get("/session")).status_code == 401
        await sign_in(house)
        assert (await house.http.get("/api/v1/session")).json()["login"] == "anna"
        order_id = house.orders.place("anna", "mine")
        assert (await house.http.get(f"/order/{order_id}")).status_code == 200
        cancelled = await house.http.delete(f"/order/{order_id}", headers=OWN_PAGE)
        assert cancelled.status_code == 200
        async with house.http.stream("GET", "/order/stream") as stream:
            assert stream.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/session", ANNA),
        ("POST", "/session/refresh", None),
        ("DELETE", "/session", None),
        ("POST", "/order", {"items": [{"sku": "bowl", "quantity": 1}]}),
        ("DELETE", "/order/some-order", None),
        ("PUT", "/menu", {"currency": "EUR", "items": []}),
    ],
)
@pytest.mark.parametrize(
    "origin",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "{own}.evil.example"},
        {},
    ],
    ids=str,
)
async def test_cookies_count_for_nothing_unsafe_from_elsewhere(
    method: str, path: str, body: object, origin: dict[str, str]
) -> None:
    async with House().open() as house:
        await sign_in(house)
        own = str(house.http.base_url).rstrip("/")
        headers = {name: value.replace("{own}", own) for name, value in origin.items()}
        answer = await house.http.request(method, path, json=body, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/cross-origin-request"
        assert "set-cookie" not in answer.headers
        assert not house.orders.asked
        assert not house.auth.logged_out


async def test_origin_tells_where_a_browser_says_nothing_of_the_site() -> None:
    async with House().open() as house:
        own = {"Origin": str(house.http.base_url).rstrip("/")}
        assert (await house.http.post("/session", json=ANNA, headers=own)).status_code == 200
        assert (await house.http.post("/session/refresh", headers=own)).status_code == 200
        assert (await house.http.delete("/session", headers=own)).status_code == 204


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("orders.example", "http://orders.example"),
        ("Orders.Example", "http://orders.example"),
        ("orders.example:80", "http://orders.example"),
        ("orders.example:443", "https://orders.example"),
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
    ],
)
async def test_host_is_compared_as_browsers_write_origins(host: str, origin: str) -> None:
    async with House().open() as house:
        headers = {"Host": host, "Origin": origin}
        answer = await house.http.post("/session", json=ANNA, headers=headers)
        assert answer.status_code == 200, answer.text


PUBLIC = "http://orders.example.com:9000, https://Orders.Example.com/"


@pytest.mark.parametrize("origin", ["http://orders.example.com:9000", "https://orders.example.com"])
async def test_public_origins_count_where_a_proxy_writes_another_host(origin: str) -> None:
    async with House().open(public_origin=PUBLIC) as house:
        own = {"Origin": origin, "Host": "127.0.0.1:8080"}
        assert (await house.http.post("/session", json=ANNA, headers=own)).status_code == 200
        order_id = house.orders.place("anna", "mine")
        cancelled = await house.http.delete(f"/order/{order_id}", headers=own)
        assert cancelled.status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://orders.example.com",
        "https://orders.example.com:9000",
        "https://orders.example.com.evil.example",
        "http://127.0.0.1:8080",
        "null",
        "",
    ],
)
async def test_with_public_origins_nothing_else_is_our_own(origin: str) -> None:
    async with House().open(public_origin=PUBLIC) as house:
        headers = {"Origin": origin, "Host": "127.0.0.1:8080"}
        answer = await house.http.post("/session", json=ANNA, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["public_origins"] == [
            "http://orders.example.com:9000",
            "https://orders.example.com",
        ]
        assert "set-cookie" not in answer.headers


async def test_refusal_says_what_was_compared_and_what_mends_it() -> None:
    async with House().open() as house:
        headers = {"Origin": "https://orders.example.com", "Host": "127.0.0.1:8080"}
        with capture_logs() as logs:
            answer = await house.http.post("/session", json=ANNA, headers=headers)
        assert answer.status_code == 403
        detail = answer.json()["detail"]
        assert "page of https://orders.example.com" in detail
        assert "of https://127.0.0.1:8080" in detail
        assert "set GATEWAY_PUBLIC_ORIGIN=https://orders.example.com" in detail
        [line] = [line for line in logs if line["event"] == "cross_origin_refused"]
        assert line["log_level"] == "warning"
        assert line["origin"] == "https://orders.example.com"
        assert line["compared_with"] == ["https://127.0.0.1:8080"]
        assert line["sec_fetch_site"] == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example/?<script>"},
        {"Origin": "javascript:alert(1)"},
        {"Origin": "https://anna:secret@evil.example"},
        {"Sec-Fetch-Site": "<script>"},
        {"Origin": "https://" + "a" * 4000},
    ],
    ids=("path", "scheme", "password", "site", "length"),
)
async def test_refusal_repeats_nothing_that_is_no_origin(headers: dict[str, str]) -> None:
    async with House().open() as house:
        with capture_logs() as logs:
            answer = await house.http.post("/session", json=ANNA, headers=headers)
        assert answer.status_code == 403
        detail = answer.json()["detail"]
        assert not any(odd in detail for odd in ("script", "secret", "aaa"))
        [line] = [line for line in logs if line["event"] == "cross_origin_refused"]
        assert len(str(line)) < 1000


async def test_page_of_a_public_https_origin_has_secure_cookies_whatever_the_proxy_says() -> None:
    origin = {"Origin": "https://orders.example.com"}
    async with House().open(public_origin="https://orders.example.com") as house:
        answer = await house.http.post("/session", json=ANNA, headers=origin)
        assert answer.status_code == 200
        cookies = cookies_of(answer)
        assert sorted(cookies) == ["__Host-brigade_access", "__Host-brigade_refresh"]
        assert all(cookie["secure"] for cookie in cookies.values())
        assert "strict-transport-security" in answer.headers
        # What says nothing of its origin shows the same cookies.
        shown = {"Cookie": f"__Host-brigade_access={cookies['__Host-brigade_access'].value}"}
        assert (await house.http.get("/session", headers=shown)).status_code == 200


async def test_bearer_token_may_be_sent_from_anywhere() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "mine")
        answer = await house.call("DELETE", f"/order/{order_id}", origin="https://a.example")
        assert answer.status_code == 200


async def test_bad_bearer_token_is_not_made_good_by_a_cookie() -> None:
    async with House().open() as house:
        await sign_in(house)
        answer = await house.http.get("/session", headers={"Authorization": "Bearer rubbish"})
        assert answer.status_code == 401


async def test_refresh_renews_both_cookies() -> None:
    async with House().open() as house:
        await sign_in(house)
        house.http.cookies.delete("brigade_access")
        answer = await house.http.post("/session/refresh", headers=OWN_PAGE)
        assert answer.status_code == 200
        assert answer.json()["login"] == "anna"
        assert sorted(cookies_of(answer)) == ["brigade_access", "brigade_refresh"]


async def test_refused_refresh_ends_the_session_in_the_browser_too() -> None:
    async with House().open() as house:
        assert (await house.http.post("/session/refresh", headers=OWN_PAGE)).status_code == 401
        await sign_in(house)
        house.auth.refuse_with = GONE
        answer = await house.http.post("/session/refresh", headers=OWN_PAGE)
        assert answer.status_code == 401
        assert answer.json()["type"] == "/problems/invalid-refresh-token"
        assert not house.http.cookies


async def test_session_stays_when_auth_can_not_say_whether_it_is_over() -> None:
    async with House().open() as house:
        await sign_in(house)
        house.auth.refuse_with = ToldError(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert (await house.http.post("/session/refresh", headers=OWN_PAGE)).status_code == 503
        assert (await house.http.delete("/session", headers=OWN_PAGE)).status_code == 503
        assert len(house.http.cookies) == 2


async def test_end_of_the_session_ends_it_at_auth_and_in_the_browser() -> None:
    async with House().open() as house:
        await sign_in(house)
        assert (await house.http.delete("/session", headers=OWN_PAGE)).status_code == 204
        assert house.auth.logged_out == ["refresh-anna"]
        assert not house.http.cookies
        assert (await house.http.get("/session")).status_code == 401
        assert (await house.http.delete("/session", headers=OWN_PAGE)).status_code == 204
        assert house.auth.logged_out == ["refresh-anna"]
