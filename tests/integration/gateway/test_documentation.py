"""What the gateway says of itself."""

import re

import pytest

from tests.integration.gateway.house import House

EVENT_STREAMS = ["/order/stream", "/order/{id}/stream", "/kitchen/stream", "/board/stream"]


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_document_is_served_with_the_api_it_tells_of(prefix: str) -> None:
    async with House().open() as house:
        told = (await house.http.get(f"{prefix}/openapi.json")).json()
    assert told["openapi"] == "3.1.0"
    assert [server["url"] for server in told["servers"]] == ["/", "/api/v1"]
    assert {"/order", "/order/{id}", "/menu", "/login", "/session", "/board"} <= set(told["paths"])
    assert set(told["components"]["securitySchemes"]) == {"bearer", "session"}


async def test_every_path_answers_every_method_the_document_names() -> None:
    async with House().open() as house:
        told = (await house.http.get("/openapi.json")).json()
        for path, methods in told["paths"].items():
            if path in EVENT_STREAMS:
                continue
            for method, operation in methods.items():
                answer = await house.http.request(method, path)
                assert str(answer.status_code) in operation["responses"], (method, path)
                assert answer.status_code != 405


async def test_document_tells_of_every_answer_its_body_and_its_problems() -> None:
    async with House().open() as house:
        told = (await house.http.get("/openapi.json")).json()
    place = told["paths"]["/order"]["post"]
    assert place["security"] == [{"bearer": []}, {"session": []}]
    schema = place["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/NewOrder"}
    assert told["components"]["schemas"]["NewOrder"]["examples"]
    refused = place["responses"]["409"]["content"]["application/problem+json"]
    kinds = refused["schema"]["properties"]["type"]["enum"]
    assert kinds == [
        "/problems/house-closed",
        "/problems/orders-paused",
        "/problems/price-changed",
        "/problems/sold-out",
    ]
    for path in EVENT_STREAMS:
        (media_type,) = told["paths"][path]["get"]["responses"]["200"]["content"]
        assert media_type == "text/event-stream"


async def test_every_reference_of_the_document_leads_somewhere() -> None:
    async with House().open() as house:
        answer = await house.http.get("/openapi.json")
    schemas = answer.json()["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', answer.text)) <= set(schemas)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_documentation_for_people_loads_nothing_from_elsewhere(prefix: str) -> None:
    async with House().open() as house:
        page = await house.http.get(f"{prefix}/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert "https:" not in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
        loaded = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
        assert len(loaded) == 3
        for path in loaded:
            assert path.startswith(f"{prefix}/docs/")
            assert (await house.http.get(path)).status_code == 200


async def test_documentation_for_people_is_not_sent_to_those_that_refuse_html() -> None:
    async with House().open() as house:
        for accept, status in (
            ("*/*", 200),
            ("text/html;q=0, */*", 406),
            ("application/json", 406),
        ):
            answer = await house.http.get("/docs", headers={"Accept": accept})
            assert answer.status_code == status, accept
        programs = await house.http.get("/openapi.json", headers={"Accept": "application/json"})
        assert programs.headers["content-type"] == "application/json"


async def test_type_of_a_problem_leads_to_its_meaning() -> None:
    async with House().open() as house:
        problem = (await house.http.get("/order")).json()
        assert problem["type"] == "/problems/invalid-token"
        kind = (await house.http.get(problem["type"])).json()
        assert (kind["status"], kind["title"]) == (401, problem["title"])
        assert kind in (await house.http.get("/problems")).json()["problems"]
        assert (await house.http.get("/problems/hunger")).status_code == 404
