"""A language model as the reader of claims in other words, where the tenant's policy names one.

All claims of a group are read in one call. Its agreement counts only with a quote that stands in
the evidence; where it cannot be asked, or writes something else, nothing is proved.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from app.answering.guard.instructions import shown_to_model
from app.answering.guard.markup import broken_markup
from app.answering.verify.locate import Located, SearchableText, locate
from app.answering.verify.read import Opinion, ToRead
from app.gateway.chat import ChatModel, Message
from app.gateway.metered import Purpose
from kb.errors import LlmOutputInvalid, LlmTimedOut, LlmUnavailable, Misconfigured

VERSION: Final = 2
"""The prompt's version; a change makes a new file, so that records show what was asked."""

PURPOSE: Final = Purpose(feature="judge", prompt_name="judge", prompt_version=VERSION)

FENCE_BYTES: Final = 6
"""2**48 tokens: no document can be written to hold the one that a later request will draw."""

OUTPUT_TOKENS_PER_CLAIM: Final = 200
"""A verdict and a long sentence."""

NOT_SUPPORTED: Final = Opinion(is_supported=False)

_PROMPT: Final = Path(__file__).with_name(f"judge_{VERSION}.md").read_text(encoding="utf-8")
_SYSTEM: Final = Template(
    _PROMPT.partition("=== request ===\n")[0].removeprefix("=== system ===\n")
)
_REQUEST: Final = Template(_PROMPT.partition("=== request ===\n")[2])

log = structlog.get_logger(__name__)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Verdict(_Shape):
    claim: int
    verdict: Literal["supported", "unsupported", "contradicted"]
    quote: str | None


class _Verdicts(_Shape):
    verdicts: list[_Verdict]


VERDICTS_SCHEMA: Final[dict[str, object]] = _Verdicts.model_json_schema()


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A language model that reads; `seconds`: for one call."""

    model: ChatModel
    seconds: float

    @property
    def name(self) -> str:
        """As it is named in `verification.reader`: the alias."""
        return f"judge:{self.model.name}"

    async def read(self, claims: Sequence[ToRead]) -> Sequence[Opinion]:
        """An opinion for each claim, in order, by one call.

        Raises:
            BudgetExhausted, RequestBudgetExceeded: the tenant may not spend as much.
        """
        if not claims:
            return []
        verdicts = await self._verdicts(claims)
        by_number = {verdict.claim: verdict for verdict in verdicts}
        if len(by_number) < len(verdicts):
            # Two verdicts on one claim: nobody knows which one is meant.
            self._unheard("ambiguous")
            return [NOT_SUPPORTED] * len(claims)
        opinions: list[Opinion] = []
        for number, claim in enumerate(claims, 1):
            opinion, verdict = NOT_SUPPORTED, by_number.get(number)
            if verdict is not None and verdict.verdict == "supported":
                found = locate(verdict.quote or "", SearchableText(claim.evidence))
                if isinstance(found, Located):
                    opinion = Opinion(is_supported=True)
                else:
                    self._unheard("quote_not_found")
            opinions.append(opinion)
        return opinions

    async def _verdicts(self, claims: Sequence[ToRead]) -> Sequence[_Verdict]:
        """The verdicts that the model writes; none, with a line in the log, when it fails."""
        try:
            async with asyncio.timeout(self.seconds):
                completion = await self.model.complete(
                    _messages(claims),
                    json_schema=VERDICTS_SCHEMA,
                    max_output_tokens=OUTPUT_TOKENS_PER_CLAIM * (1 + len(claims)),
                )
            return _Verdicts.model_validate_json(completion.text).verdicts
        except ValidationError:
            self._unheard(LlmOutputInvalid.code)
        except TimeoutError:
            self._unheard(LlmTimedOut.code)
        except (LlmUnavailable, LlmOutputInvalid, Misconfigured) as failure:
            self._unheard(failure.code)
        return []

    def _unheard(self, code: str) -> None:
        log.warning("judge.unheard", model=self.model.name, code=code)


def _messages(claims: Sequence[ToRead]) -> tuple[Message, Message]:
    texts = [part for each in claims for part in (each.claim, each.evidence, each.background)]
    fence = secrets.token_hex(FENCE_BYTES)
    while any(fence in text for text in texts):
        fence = secrets.token_hex(FENCE_BYTES)
    blocks = [
        f"<<{fence} claim {number}>>\n{broken_markup(each.claim)}\n"
        f"<<{fence} around>>\n{shown_to_model(each.background)}\n"
        f"<<{fence} cited>>\n{shown_to_model(each.evidence)}\n"
        f"<<{fence} end>>"
        for number, each in enumerate(claims, 1)
    ]
    # One pass: a '$claims' inside a source stays what it is.
    request = _REQUEST.substitute(claims="\n\n".join(blocks))
    return (
        Message(role="system", content=_SYSTEM.substitute(fence=fence).strip()),
        Message(role="user", content=request.strip()),
    )
