"""Readers: models that say whether a claim in other words follows from what it quotes."""

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
    """What a reader found; `probability` (0 to 1) that the claim follows, where it tells one."""

    is_supported: bool
    probability: float | None = None


class Reader(Protocol):
    """A model that reads claims against their evidence."""

    @property
    def name(self) -> str:
        """As it is named in `verification.reader`."""

    async def read(self, claims: Sequence[ToRead]) -> Sequence[Opinion]:
        """An opinion for each claim, in order.

        What it cannot be heard on is not supported.
        """
