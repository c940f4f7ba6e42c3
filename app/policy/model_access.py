"""A tenant's half of the gateway: its models, their residency, and its budget."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from kb.telemetry import MICRODOLLARS

_Dollars = Annotated[Decimal, Field(ge=0)]


@dataclass(frozen=True, kw_only=True)
class ModelAccess:
    """The models that a tenant may use, and its budget for them.

    Attributes:
        aliases: allowed ones; the first is taken when a request names none.
        residency: regions that providers may be in; None: any.
        dollars_per_day: of all its calls on a UTC day; None: no limit.
        dollars_per_request: of all calls of one answer.
        when_down: the behaviour while no target can be asked.
        when_unreadable: the outcome when a model's output cannot be read, even after repairs.
        moderation: the model whose provider moderates questions and claims; None: none.
        moderation_when_down: `allow` lets texts pass that could not be moderated.
        judge: the alias that reads paraphrased claims against their quotes; None: none.
        judge_reads_own_drafts: True lets a model judge its own draft; a model that lies would
            vouch for itself.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    aliases: Annotated[tuple[str, ...], Field(min_length=1)]
    residency: frozenset[str] | None = None
    dollars_per_day: _Dollars | None = None
    dollars_per_request: _Dollars | None = None
    when_down: Literal["fail", "extractive"] = "fail"
    when_unreadable: Literal["unsupported", "fail"] = "unsupported"
    moderation: str | None = None
    moderation_when_down: Literal["fail", "allow"] = "fail"
    judge: str | None = None
    judge_reads_own_drafts: bool = False

    @property
    def microdollars_per_day(self) -> int | None:
        """The same in micro-dollars."""
        return _microdollars(self.dollars_per_day)

    @property
    def microdollars_per_request(self) -> int | None:
        """The same in micro-dollars."""
        return _microdollars(self.dollars_per_request)

    @property
    def has_budget(self) -> bool:
        """True when something is limited."""
        return self.dollars_per_day is not None or self.dollars_per_request is not None


def _microdollars(dollars: Decimal | None) -> int | None:
    return None if dollars is None else int(dollars * MICRODOLLARS)
