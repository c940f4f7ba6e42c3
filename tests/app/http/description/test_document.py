"""The API's description is whole: what generated clients and the page `/docs` are made of."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from app.http.api_description import operations_of
from kb.store.choices import SCOPES

Json = Any

URI = "urn:description"
OPERATION_ID = re.compile(r"[a-z]+\.[a-z]+(_[a-z]+)*")


def resolved(document: Json, node: Json) -> Json:
    """What the node refers to, else the node itself."""
    while "$ref" in node:
        found = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def places(node: Json, path: str = "#") -> Iterator[tuple[str, Json]]:
    """Every object in the document that is not part of an example, with its place."""
    if isinstance(node, list):
        for index, each in enumerate(node):
            yield from places(each, f"{path}/{index}")
    elif isinstance(node, dict):
        yield path, node
        for key, each in node.items():
            if key not in {"example", "examples", "default", "const", "enum"}:
                yield from places(each, f"{path}/{key.replace('~', '~0').replace('/', '~1')}")


def schemas(document: Json) -> Iterator[tuple[str, Json]]:
    """Every schema with an example beside it: in itself, or in the parameter or body it is of."""
    for path, node in places(document):
        if path.startswith("#/components/examples"):
            continue
        for example in node.get("examples", []) if isinstance(node.get("examples"), list) else []:
            yield path, example
        if "schema" not in node:
            continue
        if "example" in node:
            yield f"{path}/schema", node["example"]
        named = node.get("examples", {})
        for example in named.values() if isinstance(named, dict) else []:
            yield f"{path}/schema", resolved(document, example)["value"]


def test_it_is_openapi(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_all_it_refers_to_is_in_it(document: Json) -> None:
    references = {node["$ref"] for _, node in places(document) if "$ref" in node}

    for reference in references:
        assert isinstance(resolved(document, {"$ref": reference}), dict)
    assert {each.rpartition("/")[0] for each in references} <= {
        "#/components/schemas",
        "#/components/headers",
        "#/components/examples",
    }


def test_nothing_is_in_it_for_nothing(document: Json) -> None:
    text = str(document)
    for kind in ("schemas", "examples", "headers"):
        for name in document["components"][kind]:
            assert f"'#/components/{kind}/{name}'" in text, name


def test_operations_are_named_by_resource_and_verb(document: Json) -> None:
    ids = [operation["operationId"] for _, _, operation in operations_of(document)]

    assert [each for each in ids if not OPERATION_ID.fullmatch(each)] == []
    assert [each for each, count in Counter(ids).items() if count > 1] == []


def test_every_operation_is_described(document: Json) -> None:
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for method, path, operation in operations_of(document):
        assert operation["summary"], path
        assert operation["description"].startswith(operation["summary"]), path
        assert set(operation["tags"]) <= tags, path
        for place, node in places(operation, f"{method} {path}"):
            is_described = "in" in node or place.endswith("/requestBody")
            if is_described and not place.endswith("/requestBody"):
                assert node["description"], place
                assert node["schema"].get("examples"), place
    for _, path, operation in operations_of(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for media_type, content in body.get("content", {}).items():
                assert "example" in content or content["examples"], (path, media_type)


def test_every_field_is_described(document: Json) -> None:
    fields = {
        f"{name}.{field}": resolved(document, schema)
        for name, model in document["components"]["schemas"].items()
        for field, schema in model.get("properties", {}).items()
    }

    assert len(fields) > 400
    undescribed = [name for name, schema in fields.items() if not schema.get("description")]
    assert undescribed == []
    without_example = [
        name for name, schema in fields.items() if not _has_example(document, schema)
    ]
    assert without_example == []


def _has_example(document: Json, schema: Json) -> bool:
    """An example of its own, or of what it is made of."""
    schema = resolved(document, schema)
    if schema.get("examples") or {"const", "properties"} & schema.keys():
        return True
    options = [each for key in ("anyOf", "oneOf") for each in schema.get(key, [])]
    inner = options + [schema[key] for key in ("items", "contentSchema") if key in schema]
    return any(each != {"type": "null"} and _has_example(document, each) for each in inner)


def test_every_model_is_described(document: Json) -> None:
    for name, model in document["components"]["schemas"].items():
        assert name == "JsonValue" or model.get("description"), name


def test_every_example_is_valid(document: Json) -> None:
    registry = Registry().with_resource(URI, DRAFT202012.create_resource(document))
    seen = 0
    for place, example in schemas(document):
        validator = Draft202012Validator(
            {"$ref": f"{URI}{place}"},
            registry=registry,
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        faults = [fault.message for fault in validator.iter_errors(example)]
        assert faults == [], f"{place}: {example!r:.200}"
        seen += 1
    assert seen > 1_000


def test_the_fields_of_a_problem_show_one_that_is_sent(document: Json) -> None:
    fields = document["components"]["schemas"]["Problem"]["properties"]
    sent = document["components"]["examples"]["invalid_request"]["value"]

    shown = {name: fields[name]["examples"][0] for name in ("type", "title", "status", "code")}

    assert shown.items() <= sent.items()


def test_every_error_has_its_codes(document: Json) -> None:
    for method, path, operation in operations_of(document):
        errors = {
            int(status): response
            for status, response in operation["responses"].items()
            if int(status) >= 400 and path != "/readyz"
        }
        for status, response in errors.items():
            [content] = response["content"].values()
            for code, example in content["examples"].items():
                value = resolved(document, example)["value"]
                assert value.get("status", status) == status, (method, path)
                assert value.get("error", value)["code"] == code
        if path.startswith("/v1/"):
            assert errors.keys() >= {401, 403, 408, 422, 429, 431, 500, 503}, (method, path)
            [unavailable] = errors[503]["content"].values()
            assert unavailable["examples"].keys() >= {"database_unavailable", "disk_full"}
            limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"}
            assert errors[429]["headers"].keys() >= limits, (method, path)


def test_every_route_that_a_text_names_is_there(document: Json) -> None:
    routes = {f"{method.upper()} {unfilled(path)}" for method, path, _ in operations_of(document)}
    named = re.findall(r"\b(?:GET|POST|PUT|PATCH|DELETE) /[\w/{}:]+", json.dumps(document))

    assert named
    assert {unfilled(each) for each in named} <= routes


def unfilled(path: str) -> str:
    """The path with parameters that have no names."""
    return re.sub(r"{\w+}", "{}", path)


def test_frameworks_own_errors_are_not_in_it(document: Json) -> None:
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])


def test_a_key_is_needed_with_a_scope(document: Json) -> None:
    scheme = document["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for _, path, operation in operations_of(document):
        if path.startswith("/v1/"):
            alternatives = [scope for each in operation["security"] for scope in each["bearer"]]
            assert alternatives, path
            assert set(alternatives) <= set(SCOPES), path
            assert all(len(each["bearer"]) == 1 for each in operation["security"]), path
        else:
            assert operation["security"] == [], path


def test_no_parameter_is_a_credential(document: Json) -> None:
    for _, path, operation in operations_of(document):
        names = {each["name"].lower() for each in operation.get("parameters", [])}
        assert "authorization" not in names, path


def test_a_change_has_no_defaults(document: Json) -> None:
    """A generated client would send them: what its user left out would be overwritten."""
    for name in ("DocumentPatch", "SourcePatch", "WebhookPatch", "CollectionPatch"):
        fields = document["components"]["schemas"][name]["properties"].values()
        assert not any("default" in field for field in fields), name
