"""Doubt about the files of an index, which ends when they have been checked."""

from collections.abc import Iterator
from contextlib import contextmanager

from kb.errors import IndexNotReady


class Doubt:
    """The doubt about one index, shared by all that use it; an error raises it, a check ends it."""

    def __init__(self) -> None:
        """None yet."""
        self.is_raised = False

    @contextmanager
    def raised_by_errors(self) -> Iterator[None]:
        """Tantivy's errors in here become IndexNotReady."""
        try:
            yield
        except ValueError as error:
            raise self.stopped(error) from error

    def stopped(self, error: ValueError) -> IndexNotReady:
        """Tantivy raises ValueError for all that stops it: a lock that is held, a lost file."""
        if "LockBusy" in str(error):
            return IndexNotReady(
                "The lexical index cannot be written: another process is writing it."
            )
        self.is_raised = True
        return IndexNotReady("The lexical index cannot be used: its files will be checked.")
