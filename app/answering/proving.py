"""From drafted claims to what is shown of them: examined, read in groups, guarded, each once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.answering.claims import DraftClaim, Reason, VerifiedClaim
from app.answering.context import Context
from app.answering.guard.claim import GuardedPassages, guard_claim
from app.answering.review.grounding_model import GroundingModelReader
from app.answering.review.judge import PURPOSE, Judge
from app.answering.review.moderation import moderate_claim
from app.answering.run import AnswerRun
from app.answering.verify.cited import CitedSources, cited_sources
from app.answering.verify.extract import MAX_SHOWN_CHARS, Extract, Place
from app.answering.verify.read import Opinion, Reader
from app.answering.verify.verify import Examined, Repeated, Unread, decide, examine
from language.text import Span, fold

MAX_LAST_LINE_CHARS = 400
"""Of the line behind a list told in part, which says how much more there is and where."""

READ_WHILE_STREAMING = 3
"""Claims that a reader is asked about together while an answer is streamed: the reader sees them
sooner than all of them, and is asked fewer times than for each. An answer that is not streamed is
read at once."""

OnClaim = Callable[[VerifiedClaim], Awaitable[None]]


class Prover:
    """Judges the claims of one draft in their order; each goes to `on_claim` once it is decided."""

    def __init__(self, run: AnswerRun, context: Context, on_claim: OnClaim) -> None:
        """Nothing is judged yet."""
        self._run = run
        self._on_claim = on_claim
        self._sources: CitedSources = cited_sources(context)
        self._passages = GuardedPassages({source.id: source.passage for source in context.sources})
        self._reader = reader_of(run)
        self._waiting: list[Examined] = []
        self._last: Place | None = None
        self._shown_texts: set[str] = set()
        self._shown_spans: dict[tuple[object, int], list[Span]] = {}
        self.is_untouched = True
        self.claims: list[VerifiedClaim] = []
        """All that were decided and add something, proved or not."""

    async def add(self, draft: DraftClaim) -> None:
        """Decides the claims that need not wait for others, this one among them or not."""
        self.is_untouched = False
        if self._reader is None:
            await self._keep(*await asyncio.to_thread(self._examine_and_decide, draft))
            return
        self._waiting.append(await asyncio.to_thread(examine, draft, self._sources))
        to_read = [each for each in self._waiting if isinstance(each, Unread) and each.to_read]
        is_enough = self._run.question.is_streamed and len(to_read) >= READ_WHILE_STREAMING
        if not to_read or is_enough:
            await self.finish()

    async def finish(self) -> None:
        """Decides the claims that are still waiting."""
        waiting, self._waiting = self._waiting, []
        to_read = {
            id(each): each.to_read for each in waiting if isinstance(each, Unread) and each.to_read
        }
        opinions: dict[int, Opinion] = {}
        if self._reader is not None and to_read:
            found = await self._reader.read(list(to_read.values()))
            opinions = dict(zip(to_read, found, strict=True))
        for each in waiting:
            claim = await asyncio.to_thread(self._decide, each, opinions.get(id(each)))
            await self._keep(each, claim)

    async def _keep(self, examined: Examined, claim: VerifiedClaim) -> None:
        if self._run.session is not None:
            claim = await moderate_claim(self._run.session, claim)
        if self._says_something_new(claim):
            self._last = examined.verbatim.last if isinstance(examined, Repeated) else None
            self.claims.append(claim)
            await self._on_claim(claim)

    def _examine_and_decide(self, draft: DraftClaim) -> tuple[Examined, VerifiedClaim]:
        """In one turn of a thread, where no reader is asked in between."""
        examined = examine(draft, self._sources)
        return examined, self._decide(examined, None)

    def _decide(self, each: Examined, opinion: Opinion | None) -> VerifiedClaim:
        name = self._reader.name if self._reader else None
        claim = decide(each, opinion, reader=name, is_about=self._is_about, last=self._last)
        is_drafted = self._run.session is not None
        copied = each.verbatim.extracts if is_drafted and isinstance(each, Repeated) else ()
        if not all(map(self._is_about, copied)):
            # A model may copy what is true of another year than the one that was asked about.
            beside = Reason(code="beside_the_question")
            claim = replace(claim, verdict="unsupported", score=0.0, reasons=(beside,))
        guarded = self._guard(claim)
        if guarded.verdict != "supported" and opinion is not None and opinion.is_supported:
            # What must not be said in these words may still be said in the source's.
            return self._guard(decide(each, is_about=self._is_about))
        return guarded

    def _guard(self, claim: VerifiedClaim) -> VerifiedClaim:
        limit = self._run.release.prompt.settings.guardrails.max_claim_chars
        is_source = claim.wording == "source"
        return guard_claim(
            claim,
            asked=self._run.question.reading.stems,
            passages=self._passages,
            max_chars=MAX_SHOWN_CHARS + MAX_LAST_LINE_CHARS if is_source else limit,
        )

    def _is_about(self, extract: Extract) -> bool:
        return not self._run.question.reading.constraints.unmet(extract.text, extract.background)

    def _says_something_new(self, claim: VerifiedClaim) -> bool:
        """False for a supported claim that says, or quotes, only what was shown; remembers it."""
        if claim.verdict != "supported":
            return True
        text = fold(claim.text).text.strip(" .")
        quoted = [
            (
                (citation.passage.document_id, citation.passage.document_version),
                Span(citation.char_start, citation.char_end),
            )
            for citation in claim.citations
        ]
        is_known = text in self._shown_texts or all(
            any(known.start <= span.start and span.end <= known.end for known in shown)
            for document, span in quoted
            for shown in [self._shown_spans.get(document, [])]
        )
        if is_known:
            return False
        self._shown_texts.add(text)
        # Of a table row one cell may have been told: its line is not shown, and others may follow.
        words = " ".join(claim.text.split())
        if all(" ".join(each.quote.split()) in words for each in claim.citations):
            for document, span in quoted:
                self._shown_spans.setdefault(document, []).append(span)
        return True


def reader_of(run: AnswerRun) -> Reader | None:
    """The reader of this answer's claims: the tenant's judge, else the grounding model.

    None where nothing reads them, so that only the source's words are shown; with `strict`, always.
    """
    if run.release.verify_profile == "strict" or run.session is None:
        return None
    judge = run.session.judge(PURPOSE)
    if judge is not None:
        return Judge(model=judge, seconds=run.session.seconds_for_aside)
    model = run.grounding_model
    threshold = model.threshold(run.release.verify_profile) if model else None
    if model is None or threshold is None:
        return None
    return GroundingModelReader(model=model, threshold=threshold)
