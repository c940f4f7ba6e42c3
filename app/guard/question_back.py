"""A clarifying question is prose that nothing proves: it may ask back, and nothing else."""

import re
from collections.abc import Sequence
from typing import Final

from app.guard.active import has_foreign_activity
from app.guard.instructions import instruction_spans, is_instruction_to_reader, without_spans
from kb.personal import personal_spans
from kb.text import content_stems, word_set

MAX_CHARS: Final = 300
"""Names three alternatives of a line each."""

_ADDRESS: Final = re.compile(
    r"https?:|www\.|[\w-]\.[a-z]{2,24}/|\]\(|<[a-z/]|@|[\w-]\.(?:com|org|net|io|xyz|biz|info)\b",
    re.IGNORECASE,
)
_SECRET: Final = re.compile(
    r"\b(?:password|passcode|pin|credit card|card number|account number|social security|log ?in"
    r"|credentials?|api key|cvv|one-time code)\b",
    re.IGNORECASE,
)
"""What an attacker wants to be told; no document makes a question ambiguous by these."""

_OPENS: Final = re.compile(
    r"[^\w]*(?:which|what|who|whom|whose|when|where|how|do|does|did|is|are|was|were|can|could|would"
    r"|should|have|has|please|for which|in which|welche[rsn]?|wer|wann|wo|meinen|quels?|quelles?"
    r"|qui|quand|parlez|cu\u00e1l(?:es)?|qu\u00e9|qui\u00e9n|cu\u00e1ndo|quale|quali|chi|quando|qual|quem)\b",
    re.IGNORECASE,
)
"""How a question begins; in a language that is not here the caller gets none."""

_ASKING: Final = frozenset(
    content_stems(
        " ".join(
            sorted(
                word_set(
                    "mean meant refer referring which one want would like know ask asking about "
                    "please clarify specify specific could tell say kind type version year period "
                    "example question interested looking do you need both either between"
                )
            )
        )
    )
)


def may_ask_back(asked_back: str, *, question: str, sources: Sequence[str]) -> bool:
    """True when the clarifying question can be shown.

    It is one short question made of words of the asker and of the sources, without their
    instructions to the model; it leads nowhere and asks for nothing secret.
    """
    text = asked_back.strip()
    is_question = text.endswith(("?", "\uff1f", "\u061f")) and len(text) <= MAX_CHARS
    leads_away = _ADDRESS.search(text) or _SECRET.search(text) or personal_spans(text)
    if not is_question or leads_away or not _OPENS.match(text) or is_instruction_to_reader(text):
        return False
    if has_foreign_activity(text, "\n".join([question, *sources])):
        return False
    told = " ".join(without_spans(source, instruction_spans(source)) for source in sources)
    asked = frozenset(content_stems(question))
    words = frozenset(content_stems(text))
    is_about_it = not asked.isdisjoint(words) or not _ASKING.isdisjoint(words)
    return is_about_it and words <= asked | _ASKING | frozenset(content_stems(told))
