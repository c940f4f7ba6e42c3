"""Where a passage stands in its document, as callers are told."""

from app.http.wire import Count, ResponseModel
from kb import passages


class Location(ResponseModel):
    """Where a piece of text stands; offsets are code points into the version's text."""

    section: list[str]
    page: int | None
    slide: int | None
    sheet: str | None
    row: int | None
    char_start: Count
    char_end: Count


def location_out(location: passages.Location) -> Location:
    """Where it stands; the offsets of a table's cells are for the checks of claims, not sent."""
    return Location(
        section=location["section"],
        page=location["page"],
        slide=location["slide"],
        sheet=location["sheet"],
        row=location["row"],
        char_start=location["char_start"],
        char_end=location["char_end"],
    )
