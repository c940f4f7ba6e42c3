"""Calls kreuzberg: its settings, its results as our types, its errors as ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import kreuzberg

from kb.errors import (
    DocumentCorrupt,
    DocumentEncrypted,
    DocumentTooComplex,
    UnsupportedMediaType,
)

PARSER: Final = "kreuzberg"
PARSER_VERSION: Final = kreuzberg.__version__

_ENCRYPTED_WORDING: Final = "password-protected"
_MAX_GRID: Final = 20_000_000
"""A million rows of twenty columns; two cells in the corners of a sheet make 17 billion."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One element of a document, in reading order.

    `level` is that of a heading, else 0. `rows` are the cells of a table, else empty. `page` is
    the number of the page or of the sheet. `is_body` is False for running heads and notes.
    """

    kind: str
    text: str
    level: int
    rows: tuple[tuple[str, ...], ...]
    page: int | None
    is_body: bool


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file inside a file; without nodes when there was no text in it."""

    name: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """The contents of a file; `pages` is the bare text of each page by its number."""

    content: str
    nodes: tuple[Node, ...]
    title: str | None
    sheet_names: tuple[str, ...]
    pages: dict[int, str]
    comments: tuple[tuple[int, str], ...]
    attachments: tuple[Attachment, ...]
    warnings: tuple[str, ...]


def extract(
    content: bytes,
    media_type: str,
    *,
    output: Literal["plain", "markdown"],
    page_marker: str | None = None,
) -> Extraction:
    """The text, the structure and the attachments of `content`.

    Args:
        content: the file.
        media_type: the type of the file.
        output: "markdown" switches on the detection of headings and tables in PDF and PPTX files,
            and costs four times as much there; "plain" leaves every word where it is.
        page_marker: a line to put before each page or slide, with `{page_num}` in it.

    Raises:
        DocumentCorrupt, DocumentEncrypted, UnsupportedMediaType: as they say.
    """
    config = kreuzberg.ExtractionConfig(
        use_cache=False,
        # It rewrites punctuation and drops lines that it takes for noise: quotes would not match.
        enable_quality_processing=False,
        output_format=output,
        include_document_structure=True,
        pages=kreuzberg.PageConfig(
            extract_pages=True,
            insert_page_markers=page_marker is not None,
            marker_format=page_marker,
        ),
        pdf_options=kreuzberg.PdfConfig(extract_annotations=True),
        html_options={
            # The result is read as Markdown again, so what is no mark-up must not look like it.
            "escape_asterisks": True,
            "escape_underscores": True,
            "escape_misc": True,
            "newline_style": "backslash",
        },
    )
    # Recognition would start a Tesseract that has no language files, and fail loudly on stderr.
    config.disable_ocr = True  # type: ignore[attr-defined]  # missing from kreuzberg's stubs
    try:
        result = kreuzberg.extract_bytes_sync(content, media_type, config)
    except kreuzberg.ValidationError as error:
        raise UnsupportedMediaType from error
    except kreuzberg.ParsingError as error:
        if _ENCRYPTED_WORDING in str(error):
            raise DocumentEncrypted from error
        raise DocumentCorrupt from error
    except (kreuzberg.KreuzbergError, RuntimeError, OSError) as error:
        raise DocumentCorrupt from error
    return _as_extraction(result)


def _as_extraction(result: kreuzberg.ExtractionResult) -> Extraction:
    """The result in our own types."""
    return Extraction(
        content=result.content,
        nodes=_nodes(result),
        title=result.metadata.get("title"),
        sheet_names=tuple(result.metadata.get("sheet_names") or ()),
        pages={page["page_number"]: page["content"] for page in result.pages or ()},
        comments=tuple(
            (note.page_number, note.content) for note in result.annotations or () if note.content
        ),
        attachments=tuple(
            Attachment(name=str(child["path"]), nodes=_nodes(child["result"]))
            for child in result.children or ()
        ),
        warnings=tuple(warning.message for warning in result.processing_warnings),
    )


def _nodes(result: kreuzberg.ExtractionResult) -> tuple[Node, ...]:
    """The elements of a document or an attachment, in reading order."""
    nodes: list[Node] = []
    for node in result.document["nodes"] if result.document else ():
        content = node["content"]
        grid = content.get("grid")
        cells = (
            [(cell["row"], cell["col"], cell["content"]) for cell in grid["cells"]] if grid else []
        )
        nodes.append(
            Node(
                kind=content["node_type"],
                text=content.get("text") or content.get("description") or "",
                level=content.get("level") or 0,
                rows=_rows(cells),
                page=node.get("page"),
                is_body=node.get("content_layer", "body") == "body",
            )
        )
    return tuple(nodes)


def _rows(cells: Sequence[tuple[int, int, str]]) -> tuple[tuple[str, ...], ...]:
    """The rows of a table, all of one length, from its cells as row, column and text.

    Raises DocumentTooComplex where the rows would have too many places.
    """
    if not cells:
        return ()
    row_count = 1 + max(row for row, _, _ in cells)
    column_count = 1 + max(column for _, column, _ in cells)
    if row_count * column_count > _MAX_GRID:
        raise DocumentTooComplex(f"A table has more than {_MAX_GRID:,} rows times columns.")
    rows = [[""] * column_count for _ in range(row_count)]
    for row, column, text in cells:
        rows[row][column] = text
    return tuple(tuple(row) for row in rows)
