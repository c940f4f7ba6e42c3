"""Reads PPTX files slide by slide: its visible text, its charts, then its notes."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from ingest.parse.document import Draft, Outline, Reading
from ingest.parse.extraction import PARSER, PARSER_VERSION, Node, extract
from ingest.parse.outline import node_drafts
from ingest.parse.package import chart_drafts, open_package, read_xml, relation_id, relations
from kb.media_types import PPTX

_MARKER: Final = re.compile(r"\ue000(\d+)\ue000")
_MARKER_FORMAT: Final = "\n\n\ue000{page_num}\ue000\n\n"
"""The line that kreuzberg puts before each slide; no font has a character for U+E000."""
_WORD: Final = re.compile(r"\w+")
_NOTES_LABEL: Final = "Notes:"
_PRESENTATION: Final = "ppt/presentation.xml"


def read_presentation(content: bytes) -> Reading:
    """The blocks of a PPTX file with their slides.

    kreuzberg tells titles, lists and tables only in its Markdown, and the notes only in its plain
    text, so the file is read twice.

    Raises:
        DocumentCorrupt, DocumentEncrypted, DocumentTooComplex: as they say.
    """
    package = open_package(content)
    charts = _charts_by_slide(package)
    shown = extract(content, PPTX, output="markdown", page_marker=_MARKER_FORMAT)
    complete = extract(content, PPTX, output="plain", page_marker=_MARKER_FORMAT)
    nodes_by_slide = _nodes_by_slide(shown.nodes)
    drafts: list[Draft] = []
    for number, spoken in sorted(_nodes_by_slide(complete.nodes).items()):
        outline = Outline()
        slide = list(node_drafts(nodes_by_slide.get(number, ()), outline))
        for name in charts.get(number, ()):
            slide += chart_drafts(package, name)
        slide += _notes(spoken, slide)
        for draft in slide:
            section = draft.section or (() if draft.kind == "heading" else outline.section)
            drafts.append(replace(draft, slide=number, page=None, section=section))
    return Reading(
        drafts=tuple(drafts), title=shown.title, parser=PARSER, parser_version=PARSER_VERSION
    )


def _nodes_by_slide(nodes: Sequence[Node]) -> dict[int, list[Node]]:
    slides: dict[int, list[Node]] = {}
    number = 0
    for node in nodes:
        marker = _MARKER.fullmatch(node.text.strip())
        if marker:
            number = int(marker[1])
        else:
            slides.setdefault(number, []).append(node)
    return slides


def _notes(nodes: Sequence[Node], slide: Sequence[Draft]) -> Iterator[Draft]:
    """The paragraphs of the slide's plain text that have words which `slide` lacks."""
    seen = {word for draft in slide for word in _WORD.findall(draft.text)}
    for node in nodes:
        if node.text != _NOTES_LABEL and not seen.issuperset(_WORD.findall(node.text)):
            yield Draft(kind="paragraph", text=node.text)


def _charts_by_slide(package: zipfile.ZipFile) -> dict[int, list[str]]:
    members = relations(package, _PRESENTATION)
    slides = [
        members.get(relation_id(slide), "")
        for slide in read_xml(package, _PRESENTATION).iterfind(".//{*}sldId")
    ]
    return {
        number: sorted(name for name in relations(package, slide).values() if "/charts/" in name)
        for number, slide in enumerate(slides, start=1)
        if slide
    }
