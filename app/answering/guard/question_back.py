"""A clarifying question is prose that nothing proves: it may ask back, and nothing else."""

import re
from collections.abc import Collection, Sequence
from itertools import dropwhile
from typing import Final

from app.answering.guard.active import has_foreign_activity
from app.answering.guard.instructions import (
    instruction_spans,
    is_instruction_to_reader,
    without_spans,
)
from language.personal_data import personal_spans
from language.stems import content_stems
from language.text import fold, sentences, word_set

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
"""Secrets that an attacker wants to be told; no document makes a question ambiguous by them."""

_THING: Final = r"((?:[\w'-]{1,40} ){0,6}?)"
_ASKS_WHICH: Final = re.compile(
    r"\W*+(?:"
    r"(?:(?:please )?(?:(?:can|could) you (?:please )?)?(?:tell me|specify|clarify|say) )?"
    rf"(?:(?:about|for|in|of|to|from|at|on) )?(?:which|what|whose|who) {_THING}"
    r"(?:(?:(?:do|did|would) )?you (?:mean|meant|refer to|have in mind|like to know about|ask about"
    r"|want to know about)|are you (?:asking about|interested in|referring to|looking for)"
    r"|is meant)\b"
    rf"|(?:(?:f\u00fcr|in|von|auf|um|bei|zu|an) )?(?:welche[mnrs]?|was|wen|wem) {_THING}"
    r"(?:meinen sie|meinst du|ist gemeint|sind gemeint|geht es)\b"
    rf"|(?:(?:de|pour|dans|\u00e0|en|sur) )?(?:(?:les)?quel(?:le)?s?|laquelle|qui|que) {_THING}"
    r"(?:voulez-vous dire|veux-tu dire|parlez-vous|parles-tu|s'agit-il)\b"
    r"|(?:(?:for|in|of|f\u00fcr|in|von|de|pour|dans) )?(?:which|welche[mnrs]?|quel(?:le)?s?)"
    r"((?: [\w'-]{1,40}){1,4}) ?(?=\?)"
    r")"
)
"""Asks which one is meant; the groups hold what is named before that."""

_OFFERS: Final = re.compile(
    r"\W*+(?:(?:do|did) you mean|are you (?:asking about|interested in|referring to)"
    r"|would you like to know about|meinen sie|meinst du|geht es (?:ihnen |dir )?um"
    r"|voulez-vous dire|veux-tu dire|parlez-vous|parles-tu|s'agit-il)\b(?=.*\b(?:or|oder|ou)\b)"
)
"""One of these or another; in a language that is not here the caller gets none."""

_STATES: Final = re.compile(
    r"[!?;\n\u2026\u3002]|\.\s|\b(?:is|are|was|were|be|been|has|have|had|will|would|can|could|must"
    r"|should|does|did|not|never|no|that|because|since|know|ist|sind|war|waren|wird|werden|hat|haben"
    r"|kann|muss|darf|nicht|kein\w*+|nie|dass|weil|est|sont|sera|ont|peut|pas|jamais|que|qui)\b"
)
"""More than a name: another sentence, or what says that something is so."""

_BETWEEN: Final = re.compile(r"\b(?:or|and|oder|und|ou|et)\b|[,:/()]")

_ARTICLES: Final = word_set("der die das den dem des ein eine einen de du des le la les un une")
"""Articles that a name may begin with; English ones are no content words."""

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

    It is one short question which of some things is meant, and says nothing of them: what it names
    besides the asker's words stands so in a source, outside of instructions to the model. It leads
    nowhere and asks for nothing secret.
    """
    text = asked_back.strip()
    is_question = text.endswith(("?", "\uff1f", "\u061f")) and len(text) <= MAX_CHARS
    leads_away = _ADDRESS.search(text) or _SECRET.search(text) or personal_spans(text)
    if not is_question or leads_away or is_instruction_to_reader(text):
        return False
    if has_foreign_activity(text, "\n".join([question, *sources])):
        return False
    named = _named(fold(text).text)
    if named is None:
        return False
    shown = [without_spans(source, instruction_spans(source)) for source in sources]
    asked = frozenset(content_stems(question))
    lines = [
        f" {' '.join(content_stems(source[span.start : span.end]))} "
        for source in shown
        for span in sentences(source)
    ]
    return all(_is_known(name, asked, lines) for name in named)


def _named(text: str) -> list[str] | None:
    """The names in the question; None when it does more than ask which one is meant."""
    opening = _ASKS_WHICH.match(text) or _OFFERS.match(text)
    if opening is None:
        return None
    thing = next((group for group in opening.groups() if group), "")
    rest = text[opening.end() :].rstrip().removesuffix("?")
    if _STATES.search(thing) or _STATES.search(rest):
        return None
    return _BETWEEN.split(f"{thing},{rest}")


def _is_known(name: str, asked: Collection[str], lines: Sequence[str]) -> bool:
    """True when each run of words that are not the asker's stands in a source.

    A name with a number of its own stands there as a whole: the number is of what it is said of.
    """
    stems = list(dropwhile(_ARTICLES.__contains__, content_stems(name)))
    runs: list[list[str]] = [[]]
    for each in stems:
        if each not in asked and each not in _ASKING:
            runs[-1].append(each)
        else:
            runs.append([])
    if any(any(map(str.isdecimal, each)) for run in runs for each in run):
        runs = [stems]
    return all(any(f" {' '.join(run)} " in line for line in lines) for run in runs if run)
