"""The routes as the service describes them, and a valid request for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from evals.attack.target import Target

METHODS = frozenset({"get", "post", "put", "patch", "delete"})
SAMPLE_ID = str(UUID(int=0x01A1FBB99F66791D953EDCB46C49A8A0))
SAMPLE_TEXTS = {
    "uuid": SAMPLE_ID,
    "date-time": "2026-01-02T03:04:05Z",
    "uri": "https://127.0.0.1/sample",
}
"""By the format that a schema names."""

MOST_DEPTH = 6
"""Schemas may contain themselves."""

# A schema and a sample are JSON of any shape, looked at key by key.
Json = Any


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One that goes into the path, the query or a header."""

    name: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path; `body` is the schema of the JSON it takes, None without."""

    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: Json

    @property
    def name(self) -> str:
        """As a person writes it."""
        return f"{self.method} {self.path}"

    @property
    def path_names(self) -> list[str]:
        """The parameters in the path."""
        return [each.name for each in self.parameters if each.place == "path"]

    def filled_path(self, value_by_name: Mapping[str, str]) -> str:
        """The path with these values, a sample id for the others."""
        path = self.path
        for name in self.path_names:
            path = path.replace(f"{{{name}}}", value_by_name.get(name, SAMPLE_ID))
        return path


def operations(target: Target) -> list[Operation]:
    """Every operation in the service's own description."""
    document = httpx.get(f"{target.url}/openapi.json").raise_for_status().json()
    return list(described(document))


def described(document: Json) -> Iterator[Operation]:
    """The operations of an OpenAPI document."""
    for path, methods in document["paths"].items():
        for method in METHODS & methods.keys():
            operation = methods[method]
            media_types = operation.get("requestBody", {}).get("content", {})
            schema = media_types.get("application/json", {}).get("schema")
            yield Operation(
                method=method.upper(),
                path=path,
                parameters=tuple(
                    Parameter(name=each["name"], place=each["in"])
                    for each in operation.get("parameters", [])
                ),
                body=None if schema is None else resolved(document, schema),
            )


def resolved(document: Json, schema: Json, depth: int = 0) -> Json:
    """The schema with what it refers to in its place."""
    if isinstance(schema, list):
        return [resolved(document, each, depth) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        if depth > MOST_DEPTH:
            return {}
        found = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            # A reference to nothing describes nothing.
            found = found.get(step, {})
        return resolved(document, found, depth + 1)
    return {key: resolved(document, value, depth) for key, value in schema.items()}


def sample(schema: Json) -> Json:
    """A small value that the schema allows, as far as lengths and kinds go."""
    chosen = next((schema[each][0] for each in ("anyOf", "oneOf", "allOf") if each in schema), None)
    if chosen is not None:
        return sample(chosen)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            wanted: Sequence[str] = schema.get("required", [])
            return {name: sample(schema["properties"][name]) for name in wanted}
        case "array":
            return [sample(schema.get("items", {}))]
        case kind:
            by_kind = {"integer": schema.get("minimum", 1), "number": 1.5, "boolean": False}
            return by_kind.get(kind, SAMPLE_TEXTS.get(schema.get("format"), "sample"))
