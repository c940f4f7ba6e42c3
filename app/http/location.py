"""The place of a passage in its document, as callers see it."""

from app.http.schemas import Count, ResponseModel
from kb import passages


class Location(ResponseModel):
    """The place of a piece of text; offsets are code points into the version's text."""

    section: list[str]
    page: int | None
    slide: int | None
    sheet: str | None
    row: int | None
    char_start: Count
    char_end: Count


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
