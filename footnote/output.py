"""The only place that writes for people and scripts: text, tables, progress, or one JSON value.

Text is shown as it is: no markup in it is obeyed, and no character in it steers the terminal.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text
from typing_extensions import override

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="Name of the tenant.")]
PrincipalsOption = Annotated[
    str | None,
    typer.Option("--principals", help="Comma-separated, such as user:ana,group:hr."),
]

STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, formats (bidirectional ones, tags), surrogates, line ends."""

JOINERS: Final = frozenset("\u200c\u200d")
"""Formats that scripts and emoji are written with, and that move nothing."""


def printable(text: str) -> str:
    """The text on one line; each character that steers a terminal is written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        each.encode("unicode_escape").decode() if _steers(each) else each for each in text
    )


def _steers(character: str) -> bool:
    return unicodedata.category(character) in STEERING and character not in JOINERS


def styled(*parts: str | tuple[str, str]) -> Text:
    """The texts one after the other; a pair is a text and its style."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((printable(text), style) for text, style in pairs))


class PlainConsole(Console):
    """A console that takes strings for text, in lines, tables and everything else.

    A style comes as an argument or as `styled`.
    """

    @override
    def render_str(self, text: str, **options: Any) -> Text:  # Any: the options of rich
        return super().render_str(
            printable(text), **(options | {"markup": False, "emoji": False, "highlight": False})
        )


console = PlainConsole(soft_wrap=True)
progress_console = PlainConsole(stderr=True, soft_wrap=True)

table_console = PlainConsole(width=320)
"""For whole tables, also where stdout is no terminal, of which rich would assume 80 columns."""


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """The value as JSON on stdout; what steers a terminal is escaped as JSON escapes it."""
    text = json.dumps(value, ensure_ascii=False, default=str, indent=2)
    if not text.isprintable():
        # The line ends are the indentation's: within strings they are escaped already.
        text = "".join(
            json.dumps(each)[1:-1] if each != "\n" and _steers(each) else each for each in text
        )
    typer.echo(text)
