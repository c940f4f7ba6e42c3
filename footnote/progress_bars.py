"""Bars on stderr for work that takes a while; shown on a terminal only."""

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text
from typing_extensions import override

from footnote.output import printable, progress_console


class _PlainColumn(ProgressColumn):
    """A field of a task, or its description, as text."""

    def __init__(self, field: str | None = None) -> None:
        super().__init__()
        self._field = field

    @override
    def render(self, task: Task) -> Text:
        text = task.description if self._field is None else task.fields[self._field]
        return Text(printable(str(text)), no_wrap=True, overflow="ellipsis")


def transfer_bar() -> Progress:
    """A bar on stderr for the bytes of many files: `name` is the file in hand, `files` how many.

    It is shown on a terminal only.
    """
    return Progress(
        _PlainColumn("files"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        _PlainColumn("name"),
        console=progress_console,
        disable=not progress_console.file.isatty(),
    )


def progress_bar() -> Progress:
    """A bar on stderr for work of a known length; shown on a terminal only."""
    return Progress(
        _PlainColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_console,
        disable=not progress_console.file.isatty(),
    )
