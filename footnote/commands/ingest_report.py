"""What `footnote ingest` tells: how far it is, and what became of each file."""

from collections import Counter
from collections.abc import Sequence
from time import monotonic
from types import TracebackType
from typing import Final, Self, get_args

from footnote.commands.given_files import GivenFile
from footnote.commands.ingest_files import Change, Outcome
from footnote.output import console, print_json, progress_console
from footnote.progress_bars import transfer_bar

CHANGES: Final[tuple[Change, ...]] = get_args(Change)

LINE_EVERY_SECONDS: Final = 10.0
"""Of a run whose stderr is a file or a pipe: an hour is 360 lines."""


class FileProgress:
    """The outcomes so far, shown on stderr: a bar on a terminal, else a line every ten seconds."""

    def __init__(self, files: Sequence[GivenFile]) -> None:
        """Shows nothing before it is entered."""
        self.outcomes: list[Outcome] = []
        self._count = len(files)
        self._bytes = 0
        self._bar = transfer_bar()
        self._task = self._bar.add_task(
            "", total=sum(file.size_bytes for file in files), files=f"0/{len(files)} files", name=""
        )
        self._told_at = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        self._told_at = monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def began(self, file: GivenFile) -> None:
        """Names the file in hand."""
        self._bar.update(self._task, name=file.id)

    def ended(self, outcome: Outcome) -> None:
        """Counts the file."""
        self.outcomes.append(outcome)
        self._bytes += outcome.file.size_bytes
        self._bar.update(self._task, files=f"{len(self.outcomes)}/{self._count} files")
        self._bar.advance(self._task, outcome.file.size_bytes)
        if self._bar.disable and monotonic() - self._told_at >= LINE_EVERY_SECONDS:
            self._told_at = monotonic()
            progress_console.print(
                f"{len(self.outcomes)} of {self._count} files, {self._bytes / 1e6:.1f} MB: "
                f"{outcome.file.id}"
            )

    def say_how_to_go_on(self) -> None:
        """Says that the run was stopped, and what is to be done about it."""
        progress_console.print(
            f"Stopped: {len(self.outcomes)} of {self._count} files are done. Run the same command "
            "again to go on: what is done is not read again."
        )


def report(outcomes: Sequence[Outcome], *, is_dry_run: bool, as_json: bool) -> None:
    """Prints the outcomes: failures and warnings on stderr, the counts on stdout; or JSON."""
    if as_json:
        print_json([_json_of(outcome) for outcome in outcomes])
        return
    for outcome in outcomes:
        if outcome.error:
            progress_console.print(
                f"{outcome.file.path}: {_status(outcome)}: {outcome.error} [{outcome.error_code}]"
            )
            progress_console.print(f"    {outcome.remedy}")
        elif is_dry_run and outcome.change != "unchanged":
            console.print(f"{outcome.file.path}: {outcome.change}")
    warned = [each for each in outcomes if each.warnings and each.change != "unchanged"]
    for outcome in warned:
        for warning in outcome.warnings:
            progress_console.print(f"{outcome.file.path}: warning: {warning}")
    counts = Counter(outcome.change for outcome in outcomes)
    told = ", ".join(f"{counts[change]} {change}" for change in CHANGES if counts[change])
    if is_dry_run:
        console.print(f"Of {len(outcomes)} files: {told}. Nothing was written.")
        return
    done = sum(outcome.error is None for outcome in outcomes)
    if warned:
        told += f"; {len(warned)} with warnings"
    console.print(f"{done} of {len(outcomes)} files can be found ({told}).")


def _status(outcome: Outcome) -> str | None:
    return "refused" if outcome.change == "refused" else outcome.status


def _json_of(outcome: Outcome) -> dict[str, object]:
    return {
        "path": _sendable(str(outcome.file.path)),
        "external_id": _sendable(outcome.file.id),
        "change": outcome.change,
        "document_id": str(outcome.document_id) if outcome.document_id else None,
        "status": _status(outcome),
        "warnings": list(outcome.warnings),
        "error": f"{outcome.error} [{outcome.error_code}]" if outcome.error else None,
        "remedy": outcome.remedy,
    }


def _sendable(name: str) -> str:
    """The name, with a mark for each byte that is no UTF-8."""
    return name.encode(errors="replace").decode()
