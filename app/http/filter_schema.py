"""The grammar of filters as the API's description shows it.

It describes and validates nothing: `kb.store.filters` reads filters, and says why it does so alone.
"""

from typing import Annotated

from pydantic import Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from typing_extensions import TypedDict

from kb.store.filters import MAX_VALUE_LENGTH

Text = Annotated[str, Field(max_length=MAX_VALUE_LENGTH)]
Value = bool | int | float | Text
Bound = int | float | Text

Comparison = TypedDict(
    "Comparison",
    {
        "$ne": Value,
        "$in": list[Value],
        "$gt": Bound,
        "$gte": Bound,
        "$lt": Bound,
        "$lte": Bound,
        "$exists": bool,
    },
    total=False,
    closed=True,
)
"""Conditions on one field, which must all hold."""

Condition = Value | Comparison

DocumentFilter = TypedDict(  # type: ignore[misc]  # mypy does not know extra_items, PEP 728
    "DocumentFilter",
    {
        "$and": "Annotated[list[DocumentFilter], Field(min_length=1)]",
        "$or": "Annotated[list[DocumentFilter], Field(min_length=1)]",
        "$not": "DocumentFilter",
        "collection": Condition,
        "media_type": Condition,
        "language": Condition,
        "created_at": Condition,
        "updated_at": Condition,
        "effective_at": Condition,
    },
    total=False,
    extra_items=Condition,
)
"""Conditions on a document's fields, which must all hold; other names are `metadata.<path>`."""


class DescribedAsFilter:
    """Annotates a field that holds a filter."""

    @staticmethod
    def __get_pydantic_json_schema__(
        _schema: object, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema of a filter."""
        return handler(TypeAdapter(DocumentFilter).core_schema)
