"""The outcome of synchronising a source."""

from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from kb.store.sources import HeldSource, ItemFailure

MAX_FAILURES: Final = 100
"""Told one by one; `failed` counts them all."""

COUNTS: Final = ("seen", "unchanged", "new", "changed", "renamed", "deleted", "held", "failed")


@dataclass(frozen=True, kw_only=True)
class SyncReport:
    """The numbers of files by what became of them.

    `seen` were listed; each of them is unchanged, new, changed, renamed or failed. `deleted` and
    `held` were not listed any more: the documents of the former are gone, those of the latter wait
    for a confirmation.
    """

    seen: int = 0
    unchanged: int = 0
    new: int = 0
    changed: int = 0
    renamed: int = 0
    deleted: int = 0
    held: int = 0
    failed: int = 0
    failures: list[ItemFailure] = field(default_factory=list)
    held_source: HeldSource | None = None

    @property
    def counts(self) -> dict[str, int]:
        """The numbers alone, by name."""
        return {name: getattr(self, name) for name in COUNTS}


class Tally:
    """The numbers while a run goes on."""

    def __init__(self) -> None:
        """All nought."""
        self._counts: Counter[str] = Counter()
        self._failures: list[ItemFailure] = []

    def count(self, **more: int) -> None:
        """Adds to the numbers of these names."""
        self._counts.update(more)

    def fail(self, failure: ItemFailure) -> None:
        """Counts a file that failed; the first ones are told."""
        self.count(failed=1)
        if len(self._failures) < MAX_FAILURES:
            self._failures.append(failure)

    def report(self, held_source: HeldSource | None) -> SyncReport:
        """The report as it is now."""
        return SyncReport(
            **{name: self._counts[name] for name in COUNTS},
            failures=sorted(self._failures, key=itemgetter("item")),
            held_source=held_source,
        )
