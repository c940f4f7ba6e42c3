"""Answers and passages as text for people."""

from typing import assert_never

from rich.console import Console

from app.http.answers.schemas import Answer
from app.http.location import Location
from app.http.search.schemas import SearchResponse
from footnote.output import styled


def show_answer(console: Console, answer: Answer) -> None:
    """Prints status and answer with its markers, and below them each quote with its place."""
    match answer.status:
        case "answered":
            colour = "green"
        case "partially_supported":
            colour = "yellow"
        case "conflicting" | "unsupported" | "needs_clarification" | "escalate" | "blocked":
            colour = "red"
        case _:
            assert_never(answer.status)
    reason = f" ({answer.reason})" if answer.reason else ""
    console.print(styled((answer.status, colour), reason))
    for line in (answer.answer or "").splitlines():
        console.print(line)
    for citation in answer.citations:
        console.print(f"  {citation.marker} {' '.join(citation.quote.split())!r}")
        title = citation.title or citation.external_id or str(citation.document_id)
        place = ", ".join(filter(None, (title, describe_location(citation.location))))
        console.print(f"      {place}", style="dim")


def show_hits(console: Console, response: SearchResponse) -> None:
    """Prints passages with their documents and places, and the explanation if there is one."""
    for rank, hit in enumerate(response.data, start=1):
        title = hit.document.title or hit.document.external_id or str(hit.document.id)
        console.print(f"{rank:>3}. {title}  {describe_location(hit.location)}")
        console.print(f"     {' '.join(hit.text.split())[:300]}", style="dim")
    console.print(f"{len(response.data)} passages in {response.timings_ms.total:.0f} ms")
    if (explanation := response.explanation) is None:
        return
    found = explanation.candidates
    lines = [
        f"terms: {' '.join(explanation.terms)}",
        f"candidates: {found.lexical} lexical, {found.vector} vector ({explanation.vector_plan})",
        f"reranked: {explanation.reranked}",
        f"left out as stale: {explanation.stale.count}",
        *(f"not searched: {name}" for name in explanation.missing),
    ]
    for line in lines:
        console.print(line, style="dim")


def describe_location(location: Location) -> str:
    """Section, page, slide, sheet and row, those that there are."""
    parts = [" > ".join(location.section)] if location.section else []
    for name in ("page", "slide", "sheet", "row"):
        value = getattr(location, name)
        if value is not None:
            parts.append(f"{name} {value}")
    return ", ".join(parts)
