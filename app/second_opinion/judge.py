"""A language model as judge of claims that passed the hard checks, where the tenant wants one.

It can take support away. Its agreement counts only with a quote that stands in what it was shown;
when it cannot be asked, or writes something else, nothing is gained and the claim says so.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from app.claims import Checks, DraftCitation, Reason, VerifiedClaim
from app.context import Context, Source
from app.gateway.chat import ChatModel, Message
from app.gateway.gateway import ModelSession
from app.gateway.metered import Purpose
from app.guard.instructions import instruction_spans, without_spans
from app.guard.markup import broken_markup
from app.verify.cited import LocatedQuote, locate_citation
from app.verify.evidence import SearchableSource
from kb.errors import LlmOutputInvalid, LlmTimedOut, LlmUnavailable, Misconfigured
from kb.text import fold

VERSION: Final = 1
"""Of the prompt; a change of its file is a new file, so that records show what was asked."""

PURPOSE: Final = Purpose(feature="judge", prompt_name="judge", prompt_version=VERSION)

FENCE_BYTES: Final = 6
"""2**48 tokens: no document can be written to hold the one that a later request will draw."""

MAX_OUTPUT_TOKENS: Final = 400
"""A verdict and a long sentence."""

TAKEN: Final = Reason(code="second_opinion", detail="judge")
UNHEARD: Final = Reason(code="second_opinion", detail="the judge could not be heard")

_PROMPT: Final = Path(__file__).with_name(f"judge_{VERSION}.md").read_text(encoding="utf-8")
_SYSTEM: Final = Template(
    _PROMPT.partition("=== request ===\n")[0].removeprefix("=== system ===\n")
)
_REQUEST: Final = Template(_PROMPT.partition("=== request ===\n")[2])

Opinion = Literal["agrees", "disagrees", "unheard"]

log = structlog.get_logger(__name__)


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    verdict: Literal["supported", "unsupported", "contradicted"]
    quote: str | None


VERDICT_SCHEMA: Final[dict[str, object]] = _Verdict.model_json_schema()


async def judge_claim(
    session: ModelSession, claim: VerifiedClaim, context: Context
) -> VerifiedClaim:
    """The claim with the judge's opinion, or without its support; unchanged where nobody judges.

    A claim that repeats a quote of its own word for word is not judged: there is nothing to find.

    Raises:
        BudgetExhausted, RequestBudgetExceeded: the tenant may not spend as much.
    """
    judge = session.judge(PURPOSE)
    if judge is None or claim.verdict != "supported" or _repeats_quote(claim):
        return claim
    cited = {citation.source for citation in claim.citations}
    sources = [source for source in context.sources if source.id in cited]
    opinion = await _opinion(judge, claim.text, sources, seconds=session.seconds_for_aside)
    agrees = opinion == "agrees"
    citations = tuple(
        replace(each, checks=Checks(**{**each.checks, "judge": agrees})) for each in claim.citations
    )
    if agrees or (opinion == "unheard" and session.policy.judge_when_down == "keep"):
        return replace(claim, citations=citations)
    reason = TAKEN if opinion == "disagrees" else UNHEARD
    return replace(
        claim,
        verdict="unsupported",
        score=0.0,
        citations=citations,
        reasons=(*claim.reasons, reason),
    )


def _repeats_quote(claim: VerifiedClaim) -> bool:
    said = _folded(claim.text)
    return any(_folded(citation.quote) == said for citation in claim.citations)


def _folded(text: str) -> str:
    return fold(text).text.strip(" .;,")


async def _opinion(
    judge: ChatModel, claim: str, sources: Sequence[Source], *, seconds: float
) -> Opinion:
    """What the judge says of the claim; it says nothing when its quote is not in the sources."""
    try:
        async with asyncio.timeout(seconds):
            completion = await judge.complete(
                _messages(claim, sources),
                json_schema=VERDICT_SCHEMA,
                max_output_tokens=MAX_OUTPUT_TOKENS,
            )
        verdict = _Verdict.model_validate_json(completion.text)
    except ValidationError:
        log.warning("judge.unheard", model=judge.name, code=LlmOutputInvalid.code)
        return "unheard"
    except TimeoutError:
        log.warning("judge.unheard", model=judge.name, code=LlmTimedOut.code)
        return "unheard"
    except (LlmUnavailable, LlmOutputInvalid, Misconfigured) as failure:
        log.warning("judge.unheard", model=judge.name, code=failure.code)
        return "unheard"
    if verdict.verdict != "supported":
        return "disagrees"
    if _stands_in(verdict.quote or "", sources):
        return "agrees"
    log.warning("judge.unheard", model=judge.name, code="quote_not_found")
    return "unheard"


def _stands_in(quote: str, sources: Sequence[Source]) -> bool:
    searchable = {source.id: SearchableSource(source) for source in sources}
    citations = [DraftCitation(source=source_id, quote=quote) for source_id in searchable]
    return any(isinstance(locate_citation(each, searchable), LocatedQuote) for each in citations)


def _messages(claim: str, sources: Sequence[Source]) -> tuple[Message, Message]:
    fence = secrets.token_hex(FENCE_BYTES)
    texts = [source.passage.text for source in sources]
    while any(fence in text for text in (claim, *texts)):
        fence = secrets.token_hex(FENCE_BYTES)
    blocks = [
        f"<<{fence} source {source.id}>>\n{_shown(source.passage.text)}\n<<{fence} end>>"
        for source in sources
    ]
    # One pass: a '$claim' inside a source stays what it is.
    request = _REQUEST.substitute(
        fence=fence, sources="\n".join(blocks), claim=broken_markup(claim)
    )
    return (
        Message(role="system", content=_SYSTEM.substitute(fence=fence).strip()),
        Message(role="user", content=request.strip()),
    )


def _shown(text: str) -> str:
    return broken_markup(without_spans(text, instruction_spans(text)))
