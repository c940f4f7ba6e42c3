"""The grammar of filters as the API's description shows it.

It describes and validates nothing: `kb.store.filters` reads filters, and says why it does so alone.
"""

from typing import Annotated

from pydantic import Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from typing_extensions import TypedDict

from kb.store.filters import MAX_VALUE_LENGTH, METADATA_PATTERN, TIME_PATTERN

Text = Annotated[str, Field(max_length=MAX_VALUE_LENGTH)]
Value = bool | int | float | Text
Bound = int | float | Text
Instant = Annotated[
    str,
    Field(
        json_schema_extra={
            "pattern": TIME_PATTERN,
            "anyOf": [{"format": "date"}, {"format": "date-time"}],
        }
    ),
]
NotEmpty = Field(json_schema_extra={"minProperties": 1})

Comparison = TypedDict(
    "Comparison",
    {
        "$ne": Annotated[Value, Field(description="Not this value.", examples=["hr"])],
        "$in": Annotated[
            list[Value], Field(description="One of these values.", examples=[["hr", "legal"]])
        ],
        "$gt": Annotated[Bound, Field(description="More than this.", examples=[3])],
        "$gte": Annotated[Bound, Field(description="This or more.", examples=["2026-01-01"])],
        "$lt": Annotated[Bound, Field(description="Less than this.", examples=[3])],
        "$lte": Annotated[Bound, Field(description="This or less.", examples=["2026-12-31"])],
        "$exists": Annotated[
            bool, Field(description="Whether there is such a field.", examples=[True])
        ],
    },
    total=False,
    closed=True,
)
TextComparison = TypedDict(
    "TextComparison",
    {
        "$ne": Annotated[Text, Field(description="Not this value.", examples=["en"])],
        "$in": Annotated[
            list[Text], Field(description="One of these values.", examples=[["en", "de"]])
        ],
        "$exists": Annotated[bool, Field(description="Whether there is one.", examples=[True])],
    },
    total=False,
    closed=True,
)
TextComparison.__doc__ = "Conditions on a name, which must all hold; names have no order."

TimeComparison = TypedDict(
    "TimeComparison",
    {
        "$ne": Annotated[Instant, Field(description="Not then.", examples=["2026-01-01"])],
        "$in": Annotated[
            list[Instant], Field(description="One of these.", examples=[["2026-01-01"]])
        ],
        "$gt": Annotated[Instant, Field(description="After then.", examples=["2026-01-01"])],
        "$gte": Annotated[Instant, Field(description="Then or after.", examples=["2026-01-01"])],
        "$lt": Annotated[Instant, Field(description="Before then.", examples=["2026-12-31"])],
        "$lte": Annotated[Instant, Field(description="Then or before.", examples=["2026-12-31"])],
        "$exists": Annotated[bool, Field(description="Whether there is one.", examples=[True])],
    },
    total=False,
    closed=True,
)
TimeComparison.__doc__ = "Conditions on a time, which must all hold."

Comparison.__doc__ = "Conditions on one field, which must all hold."

Condition = Value | Annotated[Comparison, NotEmpty]
TextCondition = Text | Annotated[TextComparison, NotEmpty]
TimeCondition = Instant | Annotated[TimeComparison, NotEmpty]

DocumentFilter = TypedDict(  # type: ignore[misc]  # mypy does not know extra_items, PEP 728
    "DocumentFilter",
    {
        "$and": Annotated[
            "list[Annotated[DocumentFilter, NotEmpty]]",
            Field(min_length=1, description="All of these.", examples=[[{"language": "en"}]]),
        ],
        "$or": Annotated[
            "list[Annotated[DocumentFilter, NotEmpty]]",
            Field(min_length=1, description="One of these.", examples=[[{"language": "en"}]]),
        ],
        "$not": Annotated[
            "DocumentFilter",
            NotEmpty,
            Field(description="Not this.", examples=[{"language": "en"}]),
        ],
        "collection": Annotated[
            TextCondition, Field(description="The collection.", examples=["default"])
        ],
        "media_type": Annotated[
            TextCondition, Field(description="The type of the file.", examples=["application/pdf"])
        ],
        "language": Annotated[
            TextCondition, Field(description="The language as a BCP 47 tag.", examples=["en"])
        ],
        "created_at": Annotated[
            TimeCondition, Field(description="When it came.", examples=[{"$gte": "2026-01-01"}])
        ],
        "updated_at": Annotated[
            TimeCondition, Field(description="When it changed.", examples=[{"$gte": "2026-01-01"}])
        ],
        "effective_at": Annotated[
            TimeCondition,
            Field(description="When it is in force from.", examples=[{"$lte": "2026-01-01"}]),
        ],
    },
    total=False,
    extra_items=Condition,
)
DocumentFilter.__doc__ = (
    "Conditions on a document's fields, which must all hold; other names are `metadata.<path>`."
)


class DescribedAsFilter:
    """Annotates a field that holds a filter."""

    @staticmethod
    def __get_pydantic_json_schema__(
        _schema: object, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema of a filter."""
        reference = handler(TypeAdapter(DocumentFilter).core_schema)
        grammar = handler.resolve_ref_schema(reference)
        if grammar["additionalProperties"] is not False:
            # What may be beside the columns has a name of its own kind, which no type can tell.
            grammar["patternProperties"] = {METADATA_PATTERN: grammar["additionalProperties"]}
            grammar["additionalProperties"] = False
        return reference
