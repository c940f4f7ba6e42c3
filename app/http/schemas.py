"""The base of all request and response schemas: no unknown fields, strict types, times in UTC."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from typing_extensions import override

from kb.store.filters import INSTANT_PATTERN, parse_time
from language.text import is_text

MAX_FIELDS: Final = 100
"""Most fields of a request; none has thirty. Thousands of unknown ones would each be refused
by name."""


class RequestModel(BaseModel):
    """A body that a caller sends. Strict: "5" is no number and 1 is not true."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    among_fields: ClassVar[JsonSchemaValue] = {}
    """Says in the API's description what is checked of several fields together.

    By `if` and `not`, which generated clients pass over; of `anyOf` they make a class for each.
    """

    @classmethod
    @override
    def __get_pydantic_json_schema__(
        cls,
        schema: Any,  # as pydantic has it
        handler: GetJsonSchemaHandler,
    ) -> JsonSchemaValue:
        """The schema of the fields, and of what holds among them."""
        reference = handler(schema)
        handler.resolve_ref_schema(reference).update(cls.among_fields)
        return reference

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, sent: object) -> object:
        if isinstance(sent, dict) and len(sent) > MAX_FIELDS:
            raise ValueError(f"there are more than {MAX_FIELDS} fields")
        return sent


def _leave_out_defaults(schema: JsonSchemaValue) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


class PatchModel(RequestModel):
    """Changes of something: a field that is not sent stays as it is, so none has a default.

    A client that was generated from the API's description would send the defaults.
    """

    model_config = ConfigDict(json_schema_extra=_leave_out_defaults)


class ResponseModel(BaseModel):
    """A body that Footnote sends; every field is always there, null where there is nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _read_time(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    # Date alone is good enough for a filter, but as an instant it would hide the time zone.
    time = parse_time(value) if isinstance(value, str) and "T" in value else None
    if time is None:
        raise ValueError("write a time with its offset, such as '2026-03-01T09:00:00Z'")
    return time


Time = Annotated[
    datetime,
    BeforeValidator(
        _read_time,
        json_schema_input_type=Annotated[
            AwareDatetime, Field(json_schema_extra={"pattern": INSTANT_PATTERN})
        ],
    ),
]
"""An RFC 3339 time, always UTC."""


def _read_integer(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WrittenAsFloat = BeforeValidator(_read_integer)
"""Behind an `int` of a request: 3.0 is the integer 3, as JSON Schema has it."""


def check_text(text: str) -> str:
    """The text itself; ValueError when Postgres cannot store it."""
    if not is_text(text):
        raise ValueError("the text is not valid Unicode, or holds a NUL character")
    return text


def _check_words(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty")
    return text


Text = Annotated[str, AfterValidator(check_text)]
"""Text that Postgres can store."""

Words = Annotated[
    Text,
    AfterValidator(_check_words),
    Field(json_schema_extra={"pattern": r"[^\s\u001c-\u001f\u0085]"}),
]
"""Text with at least one visible character."""

Count = Annotated[int, Field(ge=0)]
