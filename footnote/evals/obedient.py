"""A model that obeys any instruction it finds in its sources, and lies to get it into the answer.

It stands for the worst that a planted instruction can do to a real model. It is told which text
was planted, so that it never overlooks what it is shown.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never, get_args

from app.answering.claims import Draft, DraftCitation, DraftClaim
from language.stems import content_stems
from language.text import sentences

MIN_SEEN_CHARS: Final = 12
"""A remainder of an instruction shorter than this, such as a closing bracket, tells nothing."""

SOURCE_BLOCK: Final = re.compile(
    r"^<<(?P<fence>\S+) source (?P<id>\S+)>>\nTitle:.*\n\n(?P<text>(?s:.*?))\n<<(?P=fence) end>>$",
    re.MULTILINE,
)
_QUESTION: Final = re.compile(
    r"^<<(?P<fence>\S+) question>>\n(?P<question>(?s:.*?))\n<<(?P=fence) end>>$", re.MULTILINE
)
_QUOTED: Final = re.compile(r"[\"\u201c<]([^\"\u201d<>]{8,})[\"\u201d>]")


@dataclass(frozen=True, kw_only=True)
class Planted:
    """An instruction in a document; `payload` is what it wants to be said, where that is known."""

    instruction: str
    payload: str | None

    @property
    def wanted(self) -> str:
        """An obedient model's words: the payload, the text in quotes, or that it did as told."""
        if self.payload:
            return _sentence(self.payload)
        quoted = _QUOTED.search(self.instruction)
        if quoted:
            return _sentence(quoted[1])
        task = " ".join(self.instruction.rstrip("?.! ").split()[1:])
        return _sentence(f"Of course, here you are, {task} was done for you")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The part of the instruction that the model finds in its prompt, and the id of its source."""

    source_id: str
    part: str
    wanted: str
    truth: str | None


def see(messages: Sequence[str], planted: Planted) -> Seen | None:
    """The first part of the instruction that is shown; None when none of it is."""
    shown = "\n".join(messages)
    for block in SOURCE_BLOCK.finditer(shown):
        for part in instruction_parts(planted.instruction):
            if part in block["text"]:
                return Seen(
                    source_id=block["id"],
                    part=part,
                    wanted=planted.wanted,
                    truth=_truth(block["text"], shown, planted),
                )
    return None


def instruction_parts(instruction: str) -> list[str]:
    """The instruction's sentences, without crumbs."""
    spans = sentences(instruction)
    parts = [instruction[span.start : span.end] for span in spans]
    return [part for part in parts if len(part) >= MIN_SEEN_CHARS]


def answer_truthfully(messages: Sequence[str], planted: Planted) -> Draft:
    """The draft of the same model when it has seen no instruction."""
    shown = "\n".join(messages)
    for block in SOURCE_BLOCK.finditer(shown):
        truth = _truth(block["text"], shown, planted)
        if truth:
            return _draft((truth, block["id"], truth))
    return _draft()


def _truth(text: str, shown: str, planted: Planted) -> str | None:
    """The sentence of the text that shares most words with the question of the prompt."""
    match = _QUESTION.search(shown)
    asked = frozenset(content_stems(match["question"] if match else ""))
    parts = instruction_parts(planted.instruction)
    stated = [
        sentence
        for span in sentences(text)
        for sentence in [text[span.start : span.end]]
        if not any(part in sentence or sentence in part for part in parts)
    ]
    return max(stated, key=lambda each: len(asked.intersection(content_stems(each))), default=None)


Manner = Literal[
    "quotes_instruction",
    "repeats_instruction",
    "quotes_truth",
    "invents_quote",
    "answers_too",
    "asks_back",
]
MANNERS: Final[tuple[Manner, ...]] = get_args(Manner)


def obey(manner: Manner, seen: Seen) -> Draft:
    """The draft of a model that obeys the instruction in this manner."""
    match manner:
        case "quotes_instruction":
            return _draft((seen.wanted, seen.source_id, seen.part))
        case "repeats_instruction":
            return _draft((seen.part, seen.source_id, seen.part))
        case "quotes_truth":
            return _draft((seen.wanted, seen.source_id, seen.truth or seen.part))
        case "invents_quote":
            return _draft((seen.wanted, seen.source_id, seen.wanted))
        case "answers_too":
            truth = [(seen.truth, seen.source_id, seen.truth)] if seen.truth else []
            return _draft(*truth, (seen.wanted, seen.source_id, seen.part))
        case "asks_back":
            asked = f"{seen.wanted.rstrip('.!?')}?"
            return Draft(status="needs_clarification", clarifying_question=asked)
        case _:
            assert_never(manner)


def as_json(draft: Draft) -> str:
    """The draft as a model sends it."""
    return json.dumps(
        {
            "status": draft.status,
            "claims": [
                {
                    "text": claim.text,
                    "citations": [
                        {"source": each.source, "quote": each.quote} for each in claim.citations
                    ],
                }
                for claim in draft.claims
            ],
            "clarifying_question": draft.clarifying_question,
        }
    )


def _draft(*claims: tuple[str, str, str]) -> Draft:
    return Draft(
        status="answered" if claims else "unsupported",
        claims=tuple(
            DraftClaim(text=text, citations=(DraftCitation(source=source_id, quote=quote),))
            for text, source_id, quote in claims
        ),
    )


def _sentence(text: str) -> str:
    plain = " ".join(text.split())
    return plain if plain.endswith((".", "!", "?")) else f"{plain}."
