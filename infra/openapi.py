"""OpenAPI 3.1, told from what is served: the routes, the models that check their bodies, and a
description beside each endpoint."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, TypeVar

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute, Route

from infra.problems import INVALID_PARAMETER, NOT_ACCEPTABLE, OF_BODIES, ProblemType

Json = dict[str, Any]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

REF = "#/components/schemas/{model}"
JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ATTRIBUTE = "__operation__"
_PATH_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

_Key = tuple[type[BaseModel], Literal["validation", "serialization"]]
_References = Mapping[Any, Json]
"""A model's key → the reference to its schema."""


class FieldError(BaseModel):
    """One field at fault."""

    pointer: str
    """A JSON pointer (RFC 6901) into the request's body."""
    detail: str


class Problem(BaseModel):
    """What went wrong (RFC 9457). Kinds of problem add members of their own."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[FieldError] = []


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request."""

    name: str
    description: str
    where: Literal["query", "path", "header"] = "query"
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    example: Any = None

    def describe(self) -> Json:
        """The parameter as OpenAPI has it."""
        told: Json = {
            "name": self.name,
            "in": self.where,
            "description": self.description,
            "required": self.required or self.where == "path",
            "schema": dict(self.schema),
        }
        return told if self.example is None else told | {"example": self.example}


@dataclass(frozen=True)
class Reply:
    """A good answer."""

    description: str
    status: int = 200
    body: type[BaseModel] | None = None
    media_type: str = JSON
    schema: Mapping[str, Any] | None = None
    """Of a body that is no model, such as an event stream."""
    example: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name → what it says."""

    @property
    def has_body(self) -> bool:
        return self.body is not None or self.schema is not None


@dataclass(frozen=True)
class Operation:
    """What one endpoint does, for those who call it."""

    summary: str
    replies: Sequence[Reply]
    description: str = ""
    tag: str = ""
    bodies: Mapping[str, type[BaseModel] | Mapping[str, Any]] = field(default_factory=dict)
    """Media type → what is read there: a model, or a schema."""
    body_required: bool = True
    parameters: Sequence[Parameter] = ()
    problems: Sequence[ProblemType] = ()
    signed_in: bool = False
    """Whether it takes a token."""


def operation(
    summary: str,
    *replies: Reply,
    body: type[BaseModel] | None = None,
    **more: Any,
) -> Callable[[Endpoint], Endpoint]:
    """Describes an endpoint; ``body`` is its JSON body, ``more`` are fields of ``Operation``."""
    bodies = more.pop("bodies", {}) | ({JSON: body} if body is not None else {})

    def describe(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, Operation(summary, replies, bodies=bodies, **more))
        return endpoint

    return describe


def find_operation(route: BaseRoute) -> Operation | None:
    """What the route's endpoint is described as; None where it is not."""
    return getattr(route.endpoint, _ATTRIBUTE, None) if isinstance(route, Route) else None


@dataclass(frozen=True)
class Api:
    """What is true of a whole API.

    Args:
        title: its name.
        description: what its readers must know first (CommonMark).
        servers: the URLs its paths follow.
        security: name → security scheme; each alone lets an operation that takes a token be called.
        problems: says what an operation may answer beside its own problems, by its method.
        models: told though no operation names them, such as the data of events.
    """

    title: str
    description: str
    servers: Sequence[str]
    security: Mapping[str, Mapping[str, Any]]
    problems: Callable[[str, Operation], Iterable[ProblemType]]
    models: Sequence[type[BaseModel]] = ()

    def document(self, routes: Iterable[BaseRoute]) -> Json:
        """The OpenAPI document of the routes that are described."""
        described = [
            (route, found)
            for route in routes
            if isinstance(route, Route) and (found := find_operation(route)) is not None
        ]
        references, schemas = models_json_schema(
            [*_models(self.models, [found for _, found in described])], ref_template=REF
        )
        paths: Json = {}
        for route, found in described:
            for method in sorted((route.methods or set()) - {"HEAD"}):
                told = self._describe(method, route, found, references)
                paths.setdefault(route.path, {})[method.lower()] = told
        return {
            "openapi": "3.1.0",
            "info": {"title": self.title, "version": "1", "description": self.description},
            "servers": [{"url": url} for url in self.servers],
            "paths": paths,
            "components": {
                "schemas": schemas["$defs"],
                "securitySchemes": {name: dict(each) for name, each in self.security.items()},
            },
        }

    def _describe(
        self, method: str, route: Route, found: Operation, references: _References
    ) -> Json:
        told: Json = {
            "operationId": f"{method.lower()}{re.sub(r'[^a-z0-9]+', '_', route.path.lower())}",
            "summary": found.summary,
            "parameters": [each.describe() for each in _parameters(route, found)],
            "responses": {},
        }
        if found.description:
            told["description"] = found.description
        if found.tag:
            told["tags"] = [found.tag]
        if found.signed_in:
            told["security"] = [{name: []} for name in self.security]
        if found.bodies:
            told["requestBody"] = {
                "required": found.body_required,
                "content": {
                    media_type: {"schema": _body_schema(body, references)}
                    for media_type, body in found.bodies.items()
                },
            }
        for reply in found.replies:
            told["responses"][str(reply.status)] = _describe_reply(reply, references)
        problems = {*found.problems, *self.problems(method, found)}
        if any(reply.has_body for reply in found.replies):
            problems.add(NOT_ACCEPTABLE)
        if found.bodies:
            problems.update(OF_BODIES)
        if any(each.where == "query" for each in found.parameters):
            problems.add(INVALID_PARAMETER)
        for status in sorted({kind.status for kind in problems}):
            kinds = sorted(
                (kind for kind in problems if kind.status == status), key=lambda kind: kind.slug
            )
            told["responses"][str(status)] = _describe_problems(kinds, references)
        return told


def _models(more: Iterable[type[BaseModel]], operations: Iterable[Operation]) -> Iterator[_Key]:
    # What it may leave out it does leave out: that is the validation's view of a model.
    yield Problem, "validation"
    for model in more:
        yield model, "serialization"
    for found in operations:
        for reply in found.replies:
            if reply.body:
                yield reply.body, "serialization"
        for body in found.bodies.values():
            if isinstance(body, type):
                yield body, "validation"


def _parameters(route: Route, found: Operation) -> Iterable[Parameter]:
    told = {each.name for each in found.parameters if each.where == "path"}
    yield from found.parameters
    for name in _PATH_PARAMETER.findall(route.path):
        if name not in told:
            raise LookupError(f"{route.path} does not say what its {name} is")


def _body_schema(body: type[BaseModel] | Mapping[str, Any], references: _References) -> Json:
    return references[body, "validation"] if isinstance(body, type) else dict(body)


def _describe_reply(reply: Reply, references: _References) -> Json:
    told: Json = {"description": reply.description}
    if reply.headers:
        told["headers"] = {
            name: {"description": says, "schema": {"type": "string"}}
            for name, says in reply.headers.items()
        }
    schema = references[reply.body, "serialization"] if reply.body else reply.schema
    if schema is not None:
        content: Json = {"schema": dict(schema)}
        if reply.example is not None:
            content["example"] = reply.example
        told["content"] = {reply.media_type: content}
    return told


# Headers that come with every problem of a status.
_PROBLEM_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "How to say who calls (RFC 6750)."},
    429: {"Retry-After": "Come again after so many seconds."},
    503: {"Retry-After": "Come again after so many seconds."},
}


def _describe_problems(kinds: Sequence[ProblemType], references: _References) -> Json:
    status = kinds[0].status
    told: Json = {
        "description": HTTPStatus(status).phrase
        + "\n\n"
        + "\n".join(f"- `{kind.slug}`: {kind.when}" for kind in kinds),
        "content": {
            PROBLEM_JSON: {
                "schema": {
                    "allOf": [references[Problem, "validation"]],
                    "properties": {"type": {"enum": [kind.uri for kind in kinds]}},
                },
                "examples": {
                    kind.slug: {
                        "value": {"type": kind.uri, "title": kind.title, "status": kind.status}
                    }
                    for kind in kinds
                },
            }
        },
    }
    if status in _PROBLEM_HEADERS:
        told["headers"] = {
            name: {"description": says, "schema": {"type": "string"}}
            for name, says in _PROBLEM_HEADERS[status].items()
        }
    return told
