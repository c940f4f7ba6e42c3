"""The forms that bring files, for the API's description: routes read them part by part."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue

from app.http.documents.schemas import MAX_BATCH_ITEMS, UploadFields
from app.http.schemas import RequestModel

File = Annotated[bytes, Field(json_schema_extra={"format": "binary"})]
"""A part of a form with a file name."""


def described_body(*, json: type[BaseModel], form: type[BaseModel]) -> dict[str, object]:
    """The body of a route that reads it itself, for the API's description."""
    schemas = {"application/json": json.__name__, "multipart/form-data": form.__name__}
    content = {
        media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}
        for media_type, name in schemas.items()
    }
    return {"requestBody": {"required": True, "content": content}}


def _without_nulls(schema: JsonSchemaValue) -> None:
    for field in schema["properties"].values():
        if "anyOf" in field:
            field.update(field.pop("anyOf")[0])
            del field["default"]


class DocumentForm(UploadFields):
    """A document sent as a form: the file, and its fields. A form has no null."""

    model_config = ConfigDict(json_schema_extra=_without_nulls)

    file: File = Field(
        description="The file, with its name.", examples=["(the bytes of handbook.pdf)"]
    )


class _DescribedAsFields:
    @staticmethod
    def __get_pydantic_json_schema__(
        schema: Any,  # noqa: ANN401  # as pydantic has it
        handler: GetJsonSchemaHandler,
    ) -> JsonSchemaValue:
        fields = handler(TypeAdapter(list[UploadFields]).core_schema)
        content = {**fields, "minItems": 1, "maxItems": MAX_BATCH_ITEMS}
        return {
            **handler(schema),
            "contentMediaType": "application/json",
            "contentSchema": content,
        }


class DocumentBatchForm(RequestModel):
    """Many documents sent as a form: the files, and their fields."""

    files: list[File] = Field(
        min_length=1,
        max_length=MAX_BATCH_ITEMS,
        description="The files, with their names.",
        examples=[["(the bytes of handbook.pdf)"]],
    )
    items: Annotated[str, _DescribedAsFields()] = Field(
        description="A JSON array with an object for each file, in the order of the files; its "
        "fields are those of a single upload.",
        examples=['[{"title": "Employee handbook"}]'],
    )
