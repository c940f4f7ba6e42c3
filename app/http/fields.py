"""The kinds of field that several requests share, with what Postgres and the index can hold."""

import json
import math
import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from app.http.schemas import Text, check_text
from kb.principals import MAX_PRINCIPALS, validate_principals
from kb.source_uris import MAX_URI_LENGTH

MAX_NAME_LENGTH: Final = 200
"""Characters of a collection's name."""

MAX_EXTERNAL_ID_LENGTH: Final = 512
"""Characters of a document's id elsewhere: long enough for a path, short enough for an index."""

MAX_TITLE_LENGTH: Final = 1000
"""Characters of a title; it is embedded with every chunk, so a longer one would crowd it out."""

MAX_METADATA_BYTES: Final = 65_536
"""Size of a document's metadata as JSON: it is fields to filter by, not content."""

MAX_METADATA_DEPTH: Final = 16
"""Levels of metadata; a filter reaches eight."""

MAX_COLLECTIONS: Final = 100
"""Collections named in one request."""

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _check_name(text: str) -> str:
    if text != text.strip() or _CONTROL_CHARACTER.search(text):
        raise ValueError("no control characters, and no white space at either end")
    return text


def _check_uri(uri: str) -> str:
    # Front ends turn a citation's URI into a link.
    if uri.partition(":")[0].lower() in {"javascript", "data", "vbscript"}:
        raise ValueError("a URI that runs code when it is opened is refused")
    return uri


def _check_metadata(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    waiting: list[tuple[JsonValue, int]] = [(metadata, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_METADATA_DEPTH:
            raise ValueError(f"the metadata is nested more than {MAX_METADATA_DEPTH} levels deep")
        match value:
            case str():
                check_text(value)
            case float() if not math.isfinite(value):
                raise ValueError("the metadata holds a number that is not finite")
            case list():
                waiting += [(element, depth + 1) for element in value]
            case dict():
                for key, element in value.items():
                    check_text(key)
                    waiting.append((element, depth + 1))
            case _:
                pass
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > MAX_METADATA_BYTES:
        raise ValueError(f"the metadata is larger than {MAX_METADATA_BYTES} bytes")
    return metadata


def _without_repeats(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


NAME_PATTERN: Final = (
    r"^[^\s\u0000-\u001f\u007f-\u009f]"
    r"([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$"
)
"""What `_check_name` lets through, for the API's description."""

PRINCIPAL_PATTERN: Final = (
    r"^(tenant:\*|(?!tenant:)[a-z]{1,200}:(?!\*$)[^\s,\u0000-\u001f\u007f-\u00a0\u00ad]{1,200})$"
)
"""A principal in ASCII; `validate_principals` knows all characters that nobody sees."""

CollectionName = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH),
    AfterValidator(_check_name),
    Field(json_schema_extra={"pattern": NAME_PATTERN}),
]
ExternalId = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=MAX_EXTERNAL_ID_LENGTH),
    AfterValidator(_check_name),
    Field(json_schema_extra={"pattern": NAME_PATTERN}),
]
Title = Annotated[Text, StringConstraints(max_length=MAX_TITLE_LENGTH)]
SourceUri = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=MAX_URI_LENGTH),
    AfterValidator(_check_name),
    AfterValidator(_check_uri),
    Field(json_schema_extra={"pattern": NAME_PATTERN}),
]
Language = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$", max_length=35)
]
"""A BCP 47 tag such as 'de' or 'pt-BR'."""

Metadata = Annotated[dict[str, JsonValue], AfterValidator(_check_metadata)]

Principals = Annotated[
    list[Annotated[str, Field(json_schema_extra={"pattern": PRINCIPAL_PATTERN})]],
    Field(min_length=1, json_schema_extra={"maxItems": MAX_PRINCIPALS}),
    AfterValidator(validate_principals),
]
"""Sorted and without repeats; a malformed one raises InvalidPrincipal, which names it."""

Collections = Annotated[
    list[CollectionName],
    Field(min_length=1, max_length=MAX_COLLECTIONS),
    AfterValidator(_without_repeats),
]
