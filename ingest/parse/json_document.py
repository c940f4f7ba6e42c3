"""Reads JSON: names become sections, objects of plain values become lines of `name: value`."""

import json
from collections.abc import Iterator
from platform import python_version

from ingest.parse.document import Draft, Reading
from kb.errors import DocumentCorrupt, DocumentTooComplex

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def read_json(text: str) -> Reading:
    """The values of a JSON document in order, each below the names that lead to it.

    Raises:
        DocumentCorrupt: it is not JSON.
        DocumentTooComplex: it is nested too deeply.
    """
    try:
        document: Json = json.loads(text)
        drafts = tuple(_drafts(document, ()))
    except RecursionError as error:
        raise DocumentTooComplex from error
    except ValueError as error:
        raise DocumentCorrupt from error
    title = document.get("title") if isinstance(document, dict) else None
    return Reading(
        drafts=drafts,
        title=title if isinstance(title, str) else None,
        parser="json",
        parser_version=python_version(),
    )


def _drafts(value: Json, section: tuple[str, ...]) -> Iterator[Draft]:
    """The paragraphs and list items of a value, and a heading for each name that leads to more."""
    match value:
        case dict():
            lines = [
                f"{name}: {_scalar(member)}"
                for name, member in value.items()
                if not isinstance(member, dict | list) and member is not None
            ]
            if lines:
                yield Draft(kind="paragraph", text="\n".join(lines), section=section)
            for name, member in value.items():
                if isinstance(member, dict | list) and member:
                    yield Draft(kind="heading", text=name, section=section)
                    yield from _drafts(member, (*section, " ".join(name.split())))
        case list():
            for element in value:
                if isinstance(element, dict | list):
                    yield from _drafts(element, section)
                else:
                    yield Draft(kind="list_item", text=_scalar(element), section=section)
        case _:
            yield Draft(kind="paragraph", text=_scalar(value), section=section)


def _scalar(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
