"""The place of a passage in its document, as callers see it."""

from pydantic import Field

from app.http.response_fields import QUOTE
from app.http.schemas import Count, ResponseModel
from kb import passages


class Location(ResponseModel):
    """The place of a piece of text; offsets are code points into the version's text."""

    section: list[str] = Field(
        description="The headings above it, the outermost first.",
        examples=[["Leave", "Parental leave"]],
    )
    page: int | None = Field(description="The page, counted from 1.", examples=[3])
    slide: int | None = Field(description="The slide, counted from 1.", examples=[None])
    sheet: str | None = Field(description="The name of the sheet.", examples=[None])
    row: int | None = Field(description="The row of its table or sheet.", examples=[None])
    char_start: Count = Field(
        description="Where it begins in the text of its version, in code points.", examples=[1204]
    )
    char_end: Count = Field(description="Where it ends, exclusive.", examples=[1204 + len(QUOTE)])


def location_out(location: passages.Location) -> Location:
    """The location as callers see it: without the offsets of table cells, which checks need."""
    return Location(
        section=location["section"],
        page=location["page"],
        slide=location["slide"],
        sheet=location["sheet"],
        row=location["row"],
        char_start=location["char_start"],
        char_end=location["char_end"],
    )
