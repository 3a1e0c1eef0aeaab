"""The examples of an OpenAPI document: what each is sent as, and whether it fits its schema."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A request with one example in it; all else is as plain as the document permits."""

    where: str
    """The example's place in the document, for people."""
    method: str
    path: str
    needs_caller: bool
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: str | None = None


def calls(document: Json) -> Iterator[Call]:
    """A call for each example of a request's body or parameter, also for those of fields."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from _Requests(document, path, method, operation).calls()


def misfits(document: Json) -> list[str]:
    """The examples of the document, of answers too, that do not fit their schema."""
    return [*_misfits(document, document, "")]


class _Requests:
    def __init__(self, document: Json, path: str, method: str, operation: Json) -> None:
        self._schemas = _Schemas(document)
        self._path = path
        self._method = method
        self._operation = operation
        self._parameters: list[Json] = operation.get("parameters", [])
        self._bodies: Json = operation.get("requestBody", {}).get("content", {})

    def calls(self) -> Iterator[Call]:
        for media_type, content in self._bodies.items():
            for place, value in self._schemas.values_with_examples(content):
                yield self._call(f"{media_type} {place}", (media_type, value))
        plain = [(name, self._schemas.plain(content)) for name, content in self._bodies.items()]
        for parameter in self._parameters:
            for place, value in self._schemas.values_with_examples(parameter):
                for body in plain or [None]:
                    told = f"{body[0]} with {parameter['name']}" if body else parameter["name"]
                    yield self._call(f"{told} {place}", body, {parameter["name"]: value})

    def _call(self, what: str, body: tuple[str, Any] | None, given: Json | None = None) -> Call:
        values = {
            "path": self._needed("path"),
            "query": self._needed("query"),
            "header": self._needed("header"),
        }
        for parameter in self._parameters:
            if given and parameter["name"] in given:
                values[parameter["in"]][parameter["name"]] = str(given[parameter["name"]])
        content_type = {"Content-Type": body[0]} if body else {}
        return Call(
            where=f"{self._method} {self._path} {what}".strip(),
            method=self._method.upper(),
            path=self._path.format_map(values["path"]),
            needs_caller="security" in self._operation,
            query=values["query"],
            headers=values["header"] | content_type,
            content=_written(*body) if body else None,
        )

    def _needed(self, where: str) -> dict[str, str]:
        return {
            parameter["name"]: str(self._schemas.plain(parameter))
            for parameter in self._parameters
            if parameter["in"] == where and parameter["required"]
        }


class _Schemas:
    """The schemas of a document, and values that fit them.

    A holder is what has a schema and may have examples beside it: a parameter or a media type.
    """

    def __init__(self, document: Json) -> None:
        self._document = document

    def plain(self, holder: Json) -> Any:
        """A value as plain as the schema permits."""
        for _, value in _own_examples(holder):
            return value
        return self._plain(holder["schema"])

    def values_with_examples(self, holder: Json) -> Iterator[tuple[str, Any]]:
        """Place and value of each example, those of fields in a value that is plain else."""
        yield from _own_examples(holder)
        yield from self._with_examples(holder["schema"])

    def _with_examples(self, schema: Json) -> Iterator[tuple[str, Any]]:
        schema = self._resolved(schema)
        yield from _own_examples(schema)
        for name, member in schema.get("properties", {}).items():
            for place, value in self._with_examples(member):
                yield f"/{name}{place}", {**self._plain(schema), name: value}
        if "items" in schema:
            for place, value in self._with_examples(schema["items"]):
                yield f"/0{place}", [value]
        for choice in schema.get("anyOf", ()):
            yield from self._with_examples(choice)

    def _plain(self, schema: Json) -> Any:
        schema = self._resolved(schema)
        for _, value in _own_examples(schema):
            return value
        if "default" in schema:
            return schema["default"]
        if "enum" in schema:
            return schema["enum"][0]
        if "anyOf" in schema:
            return self._plain(schema["anyOf"][0])
        match schema["type"]:
            case "object":
                members = schema.get("properties", {})
                return {name: self._plain(members[name]) for name in schema.get("required", ())}
            case "array":
                return [self._plain(schema["items"])] * schema.get("minItems", 0)
            case "integer":
                return max(1, schema.get("minimum", 1))
            case "boolean":
                return False
            case _:
                return "a"

    def _resolved(self, schema: Json) -> Json:
        if "$ref" not in schema:
            return schema
        name = schema["$ref"].rpartition("/")[2]
        found: Json = self._document["components"]["schemas"][name]
        return found | {key: value for key, value in schema.items() if key != "$ref"}


def _own_examples(holder: Json) -> Iterator[tuple[str, Any]]:
    """The examples of a schema, which are a list, or of a holder, which are by name."""
    if "example" in holder:
        yield "/example", holder["example"]
    examples = holder.get("examples", ())
    if isinstance(examples, dict):
        yield from ((f"/{name}", each["value"]) for name, each in examples.items())
    else:
        yield from ((f"/examples/{index}", each) for index, each in enumerate(examples))


def _written(media_type: str, value: Any) -> str:
    return json.dumps(value) if media_type == "application/json" else str(value)


def _misfits(document: Json, part: Any, path: str) -> Iterator[str]:
    if isinstance(part, list):
        for index, each in enumerate(part):
            yield from _misfits(document, each, f"{path}/{index}")
    elif isinstance(part, dict):
        # A schema's examples are of itself; a member named so would be a schema, which is no list.
        of_itself = isinstance(part.get("examples"), list)
        if of_itself or "schema" in part:
            schema = part if of_itself else part["schema"]
            whole = jsonschema_rs.validator_for({**schema, "components": document["components"]})
            for place, value in _own_examples(part):
                for error in whole.iter_errors(value):
                    yield f"{path}{place}: {error.message}"
        for name, each in part.items():
            if name not in ("example", "examples", "default"):
                yield from _misfits(document, each, f"{path}/{name}")
