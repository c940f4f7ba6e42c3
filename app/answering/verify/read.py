"""The reader of claims in other words: a model that says whether they follow from their quotes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class ToRead:
    """A claim and what it has to follow from.

    Attributes:
        evidence: the whole sentences that its quotes touch; a table row in its fixed form.
        background: what a person sees around them: title, headings, the header and key of a row,
            the sentence before. It says what the evidence is about, and proves nothing alone.
    """

    claim: str
    evidence: str
    background: str


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """A reader's verdict; `probability` (0 to 1) that the claim follows, where it gives one."""

    is_supported: bool
    probability: float | None = None


class Reader(Protocol):
    """A model that reads claims against their evidence."""

    @property
    def name(self) -> str:
        """As it is named in `verification.reader`."""

    async def read(self, claims: Sequence[ToRead]) -> Sequence[Opinion]:
        """An opinion for each claim, in order; not supported where the reader gives none."""
