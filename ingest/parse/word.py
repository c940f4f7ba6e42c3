"""Reads documents that kreuzberg understands as a whole: DOCX, ODT and RTF."""

from dataclasses import replace

from ingest.parse.attachments import attachment_drafts, attachment_warnings
from ingest.parse.document import Draft, Outline, Reading
from ingest.parse.extraction import PARSER, PARSER_VERSION, Extraction, extract
from ingest.parse.outline import STRUCTURE_INCOMPLETE, is_covered, node_drafts, paragraphs
from ingest.parse.package import (
    chart_drafts,
    chart_names,
    comment_drafts,
    open_package,
    restored,
    with_spaces_for_tabs,
)
from ingest.parse.rich_text import with_unicode_letters
from kb.media_types import DOCX, ODT, RTF


def read_docx(content: bytes) -> Reading:
    """The blocks of a DOCX file; then its comments and the numbers of its charts.

    There are no page numbers: they depend on the printer, and the file holds none.

    Raises:
        DocumentCorrupt, DocumentEncrypted, DocumentTooComplex: as they say.
    """
    package = open_package(content)
    extraction = extract(with_spaces_for_tabs(package), DOCX, output="plain")
    extraction = replace(
        extraction,
        content=restored(extraction.content),
        title=restored(extraction.title) if extraction.title else extraction.title,
        nodes=tuple(
            replace(
                node,
                text=restored(node.text),
                rows=tuple(tuple(map(restored, row)) for row in node.rows),
            )
            for node in extraction.nodes
        ),
    )
    reading = _reading(extraction)
    charts = chart_names(package)
    extra = list(comment_drafts(package))
    for name in charts:
        extra += chart_drafts(package, name)
    if not charts:
        # Else the attachments are the workbooks that the charts were drawn from.
        extra += attachment_drafts(extraction)
    return replace(reading, drafts=reading.drafts + tuple(extra))


def read_odt(content: bytes) -> Reading:
    """The blocks of an ODT file; raises what `read_docx` raises."""
    open_package(content).close()
    return _reading(extract(content, ODT, output="plain"))


def read_rtf(content: bytes) -> Reading:
    """The blocks of an RTF file; raises DocumentCorrupt."""
    return _reading(extract(with_unicode_letters(content), RTF, output="plain"))


def _reading(extraction: Extraction) -> Reading:
    """The blocks by their structure; as bare paragraphs, with a warning, where it loses words."""
    drafts: list[Draft] = list(node_drafts(extraction.nodes, Outline()))
    warnings = attachment_warnings(extraction)
    if not is_covered(extraction.content, extraction.nodes):
        drafts = list(paragraphs(extraction.content))
        warnings.append(STRUCTURE_INCOMPLETE)
    return Reading(
        drafts=tuple(replace(draft, page=None) for draft in drafts),
        title=extraction.title,
        parser=PARSER,
        parser_version=PARSER_VERSION,
        warnings=tuple(warnings),
    )
