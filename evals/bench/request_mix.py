"""The requests whose cost is measured, a round of each kind at a time; no text is sent twice."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from evals.bench.footnote_process import BenchmarkFailed
from footnote.evals.datasets import CorpusDocument

CLIENTS: Final = 32
CLAIMS: Final = 40
"""Of one check: half are sentences of the text, half of another one."""

LETTERS, LONG_LETTERS = 5_000, 20_000
SENTENCE: Final = re.compile(r"[A-Z][^.!?\n]{40,300}[.!?]")
SEED: Final = 29

Body = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Requests of one kind, so many in a round from so many clients at once.

    `units` is what a cost is told for: one request, or the claims of one.
    """

    name: str
    path: str
    a_round: int
    clients: int = 1
    units: int = 1


SEARCH: Final = Kind(name="search", path="/v1/search", a_round=40)
SEARCHES: Final = Kind(
    name=f"search_{CLIENTS}_clients", path="/v1/search", a_round=160, clients=CLIENTS
)
ANSWER: Final = Kind(name="answer", path="/v1/answers", a_round=16)
STREAM: Final = Kind(name="streamed_answer", path="/v1/answers", a_round=16)
CHECK: Final = Kind(name="grounding_claim", path="/v1/grounding:check", a_round=6, units=CLAIMS)
LONG_CHECK: Final = Kind(
    name=f"grounding_claim_{LONG_LETTERS}_letters",
    path="/v1/grounding:check",
    a_round=2,
    units=CLAIMS,
)
KINDS: Final = (SEARCH, SEARCHES, ANSWER, STREAM, CHECK, LONG_CHECK)

QUESTIONS_A_ROUND: Final = sum(
    kind.a_round for kind in KINDS if kind in {SEARCH, SEARCHES, ANSWER, STREAM}
)

Round = Mapping[Kind, Sequence[Body]]


def rounds_of(questions: Sequence[str], documents: Sequence[CorpusDocument]) -> Iterator[Round]:
    """Rounds until the distinct questions or the documents' letters are used up."""
    texts = sorted(set(questions))
    random.Random(SEED).shuffle(texts)  # noqa: S311  # a repeatable order
    left = iter(texts)
    checks, long_checks = _checks(documents, LETTERS), _checks(documents, LONG_LETTERS)
    for _ in range(len(texts) // QUESTIONS_A_ROUND):
        yield {
            SEARCH: [{"query": text} for text in islice(left, SEARCH.a_round)],
            SEARCHES: [{"query": text} for text in islice(left, SEARCHES.a_round)],
            ANSWER: [{"question": text} for text in islice(left, ANSWER.a_round)],
            STREAM: [{"question": text, "stream": True} for text in islice(left, STREAM.a_round)],
            CHECK: list(islice(checks, CHECK.a_round)),
            LONG_CHECK: list(islice(long_checks, LONG_CHECK.a_round)),
        }


def _checks(documents: Sequence[CorpusDocument], letters: int) -> Iterator[Body]:
    """Requests about so many letters of the documents each, with CLAIMS claims.

    BenchmarkFailed when the letters are used up.
    """
    everything = "\n\n".join(document.text for document in documents)
    others: Sequence[str] = ()
    for start in range(0, len(everything) - letters, letters):
        text = everything[start : start + letters]
        sentences = SENTENCE.findall(text)[: CLAIMS // 2]
        if len(sentences) == CLAIMS // 2:
            if others:
                yield {
                    "claims": [*sentences, *others],
                    "sources": [{"id": "text", "text": text}],
                }
            others = sentences
    raise BenchmarkFailed(f"There are too few texts of {letters} letters.")
