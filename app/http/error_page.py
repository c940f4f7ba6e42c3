"""The page `/docs/errors`: each code with an anchor, to which the `type` of a problem leads."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from app.http.problems import CODE_BY_STATUS, ERRORS_PATH, error_status
from app.remedies import MEANING_BY_SERVER_CODE, REMEDY_BY_SERVER_CODE, remedy
from kb.errors import KnowledgeBaseError

STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "section{padding:.2rem 1rem;border-left:.3rem solid transparent}"
    "section:target{border-color:currentColor}code{font-size:1.1em}"
)
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""Nothing runs on the page, and nothing is loaded by it."""


@dataclass(frozen=True, kw_only=True)
class ErrorRow:
    """An error as its page and the reference tell it."""

    code: str
    status: int
    meaning: str
    remedy: str


def error_rows() -> list[ErrorRow]:
    """Every error by status and code, those of the server included."""
    rows = [*_rows_below(KnowledgeBaseError)]
    rows += [
        ErrorRow(
            code=code,
            status=status,
            meaning=MEANING_BY_SERVER_CODE[code],
            remedy=REMEDY_BY_SERVER_CODE[code],
        )
        for status, code in CODE_BY_STATUS.items()
        if code in MEANING_BY_SERVER_CODE
    ]
    return sorted(rows, key=lambda row: (row.status, row.code))


def add_error_page(app: FastAPI) -> None:
    """Serves the page, which says the same to everybody."""
    html = _page(app.title)

    @app.get(ERRORS_PATH, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})


def _rows_below(kind: type[KnowledgeBaseError]) -> Iterator[ErrorRow]:
    """The rows of an error and of all below it in `kb/errors.py`; refinements have its code."""
    meaning = (kind.__doc__ or "").splitlines()[0]
    yield ErrorRow(code=kind.code, status=error_status(kind), meaning=meaning, remedy=remedy(kind))
    for child in kind.__subclasses__():
        if child.__module__ == KnowledgeBaseError.__module__:
            yield from _rows_below(child)


def _page(title: str) -> str:
    sections = "\n".join(
        f'<section id="{escape(row.code)}"><h2><code>{escape(row.code)}</code> {row.status}</h2>'
        f"<p>{escape(row.meaning)}</p><p>{escape(row.remedy)}</p></section>"
        for row in error_rows()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}: errors</title>'
        f"<style>{STYLE}</style></head><body><h1>Error codes</h1>\n{sections}\n</body></html>\n"
    )
