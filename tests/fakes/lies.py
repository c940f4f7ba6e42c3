"""What a model may write about the sources it is shown: the truth, and lies of every kind."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fakes.edits import EDITS, CannotLie, Edit

SOURCE_BLOCK = re.compile(
    r"^<<(?P<fence>\S+) source (?P<source_id>\S+)>>\nTitle:.*\n\n"
    r"(?P<text>(?s:.*?))\n<<(?P=fence) end>>$",
    re.MULTILINE,
)
QUESTION_BLOCK = re.compile(
    r"^<<(?P<fence>\S+) question>>\n(?P<question>.*?)\n<<(?P=fence) end>>$",
    re.DOTALL | re.MULTILINE,
)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9])")
WORD = re.compile(r"\w+")

Claim = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class ShownSource:
    source_id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request's prompt asks."""

    question: str
    sources: tuple[ShownSource, ...]


def read_prompt(messages: Sequence[str]) -> Asked:
    """The question and the sources, found the way a model finds them: by their marker lines."""
    shown = "\n".join(messages)
    question = QUESTION_BLOCK.search(shown)
    if question is None:
        raise CannotLie
    return Asked(
        question=question["question"],
        sources=tuple(
            ShownSource(source_id=block["source_id"], text=block["text"])
            for block in SOURCE_BLOCK.finditer(shown)
        ),
    )


def write(behaviour: str, asked: Asked) -> str:
    """The text that a model of this behaviour writes."""
    return WRITERS[behaviour](asked)


def _anything(_sentence: str) -> bool:
    return True


def _find(asked: Asked, is_usable: Callable[[str], bool] = _anything) -> tuple[ShownSource, str]:
    """The usable sentence that shares most words with the question, and its source."""
    asked_words = set(WORD.findall(asked.question.lower()))
    found = [
        (len(asked_words & set(WORD.findall(sentence.lower()))), source, sentence)
        for source in asked.sources
        for sentence in SENTENCE_END.split(source.text)
        if is_usable(sentence)
    ]
    if not found:
        raise CannotLie
    _, source, sentence = max(found, key=lambda candidate: candidate[0])
    return source, sentence


def _other(asked: Asked, source: ShownSource) -> ShownSource:
    others = [other for other in asked.sources if other != source]
    if not others:
        raise CannotLie
    return others[0]


def _claim(text: str, *citations: tuple[str, str]) -> Claim:
    return {
        "text": text,
        "citations": [{"source": source_id, "quote": quote} for source_id, quote in citations],
    }


def _reply(*claims: Claim, status: str = "answered", clarifying_question: str | None = None) -> str:
    return json.dumps(
        {"status": status, "claims": claims, "clarifying_question": clarifying_question}
    )


def _truthful(asked: Asked) -> str:
    source, sentence = _find(asked)
    return _reply(_claim(sentence, (source.source_id, sentence)))


def _shortened(asked: Asked) -> str:
    """No lie: a claim with a word less than its quote."""
    source, sentence = _find(asked)
    return _reply(_claim(sentence.replace(" annual", ""), (source.source_id, sentence)))


def _all_retold(asked: Asked) -> str:
    """No lies: every sentence of the first source in other words."""
    source = asked.sources[0]
    return _reply(
        *[
            _claim(f"Note well: {sentence}", (source.source_id, sentence))
            for sentence in SENTENCE_END.split(source.text)
        ]
    )


def _repeated(asked: Asked) -> str:
    source, sentence = _find(asked)
    return _reply(*[_claim(sentence, (source.source_id, sentence)) for _ in range(8)])


def _says_unsupported(_asked: Asked) -> str:
    return _reply(status="unsupported")


def _asks_back(_asked: Asked) -> str:
    return _reply(status="needs_clarification", clarifying_question="Which year do you mean?")


def _invented_source(asked: Asked) -> str:
    _, sentence = _find(asked)
    return _reply(_claim(sentence, ("zz99zz", sentence)))


def _wrong_source(asked: Asked) -> str:
    source, sentence = _find(asked)
    return _reply(_claim(sentence, (_other(asked, source).source_id, sentence)))


def _false_quote(asked: Asked) -> str:
    source, sentence = _find(asked)
    quote = " ".join(reversed(sentence.split()))
    return _reply(_claim(sentence, (source.source_id, quote)))


def _invention(sentence: str) -> str:
    subject = " ".join(sentence.rstrip(".").split()[-3:])
    return f"In every case, {subject} earns the finder a bonus of 5000 dollars."


def _fabricated(asked: Asked) -> str:
    source, sentence = _find(asked)
    invention = _invention(sentence)
    return _reply(_claim(invention, (source.source_id, invention)))


def _fabricated_with_true_quote(asked: Asked) -> str:
    source, sentence = _find(asked)
    return _reply(_claim(_invention(sentence), (source.source_id, sentence)))


def _surplus_clause(asked: Asked) -> str:
    source, sentence = _find(asked)
    claim = f"{sentence.rstrip('.')}, and offenders are dismissed without pay."
    return _reply(_claim(claim, (source.source_id, sentence)))


def _swapped_quote(asked: Asked) -> str:
    source, sentence = _find(asked)
    other = _other(asked, source)
    quote = SENTENCE_END.split(other.text)[0]
    return _reply(_claim(sentence, (other.source_id, quote)))


def _edited(edit: Edit) -> Callable[[Asked], str]:
    """A writer whose claim is a sentence with one edit, and whose quote is the true sentence."""

    def write_edited(asked: Asked) -> str:
        source, sentence = _find(asked, edit.is_possible)
        return _reply(_claim(edit.apply(sentence), (source.source_id, sentence)))

    return write_edited


def _edited_with_quote(edit: Edit) -> Callable[[Asked], str]:
    """A writer that makes the same edit in the claim and in its quote."""

    def write_edited(asked: Asked) -> str:
        source, sentence = _find(asked, edit.is_possible)
        edited = edit.apply(sentence)
        return _reply(_claim(edited, (source.source_id, edited)))

    return write_edited


def _truth_and_lie(asked: Asked) -> str:
    edit = EDITS["changed_number"]
    source, sentence = _find(asked, edit.is_possible)
    citation = (source.source_id, sentence)
    return _reply(_claim(sentence, citation), _claim(edit.apply(sentence), citation))


def _claim_without_citation(asked: Asked) -> str:
    _, sentence = _find(asked)
    return _reply(_claim(sentence))


def _empty_quote(asked: Asked) -> str:
    source, sentence = _find(asked)
    return _reply(_claim(sentence, (source.source_id, "")))


def _one_word_quote(asked: Asked) -> str:
    source, sentence = _find(asked)
    return _reply(_claim(sentence, (source.source_id, sentence.split()[0])))


def _duplicate_ids(asked: Asked) -> str:
    source, sentence = _find(asked)
    citation = (source.source_id, sentence)
    return _reply(_claim(sentence, citation, citation), _claim(sentence, citation))


def _markers_in_text(asked: Asked) -> str:
    source, sentence = _find(asked)
    return _reply(_claim(f"{sentence} [1][{source.source_id}]", (source.source_id, sentence)))


def _wrong_shape(asked: Asked) -> str:
    source, sentence = _find(asked)
    return json.dumps({"answer": sentence, "sources": [source.source_id], "confidence": 0.99})


def _extra_field(asked: Asked) -> str:
    return _truthful(asked)[:-1] + ', "is_verified": true}'


def _cut_off(asked: Asked) -> str:
    return _truthful(asked)[:-12]


def _extra_prose_around_json(asked: Asked) -> str:
    return f"Of course! Here it is:\n```json\n{_truthful(asked)}\n```\nI hope this helps."


def _thinks_aloud(asked: Asked) -> str:
    return f"<think>Is it {{so}}, or {_reply()}?</think>{_truthful(asked)}"


def _not_text(asked: Asked) -> str:
    """A truth, a claim with NUL and one with half a surrogate pair, as JSON escapes."""
    source, sentence = _find(asked)
    return _reply(
        _claim(sentence, (source.source_id, sentence)),
        _claim(f"\0{sentence}", (source.source_id, f"\0{sentence}")),
        _claim(f"{sentence}\ud800", (source.source_id, sentence)),
    )


def _huge_number(asked: Asked) -> str:
    return f'{_truthful(asked)[:-1]}, "confidence": {"9" * 5_000}}}'


def _only_a_huge_number(_asked: Asked) -> str:
    return f'{{"status": {"9" * 5_000}, "claims": [], "clarifying_question": 1e999}}'


def _nested(_asked: Asked) -> str:
    return f'{{"status": {"[" * 100_000}'


def _strange_key(_asked: Asked) -> str:
    return json.dumps({"status": "answered", "\ud800\0": float("nan")})


def _empty_claims(_asked: Asked) -> str:
    return _reply()


def _not_an_answer(_asked: Asked) -> str:
    return "I would rather talk about the weather."


WRITERS: dict[str, Callable[[Asked], str]] = {
    "truthful": _truthful,
    "shortened": _shortened,
    "repeated": _repeated,
    "all_retold": _all_retold,
    "says_unsupported": _says_unsupported,
    "asks_back": _asks_back,
    "invented_source": _invented_source,
    "wrong_source": _wrong_source,
    "false_quote": _false_quote,
    "fabricated": _fabricated,
    "fabricated_with_true_quote": _fabricated_with_true_quote,
    "surplus_clause": _surplus_clause,
    "swapped_quote": _swapped_quote,
    "truth_and_lie": _truth_and_lie,
    "claim_without_citation": _claim_without_citation,
    "empty_quote": _empty_quote,
    "one_word_quote": _one_word_quote,
    "duplicate_ids": _duplicate_ids,
    "markers_in_text": _markers_in_text,
    "wrong_shape": _wrong_shape,
    "extra_field": _extra_field,
    "cut_off": _cut_off,
    "extra_prose_around_json": _extra_prose_around_json,
    "thinks_aloud": _thinks_aloud,
    "not_text": _not_text,
    "huge_number": _huge_number,
    "only_a_huge_number": _only_a_huge_number,
    "nested": _nested,
    "strange_key": _strange_key,
    "empty_claims": _empty_claims,
    "not_an_answer": _not_an_answer,
    **{name: _edited(edit) for name, edit in EDITS.items()},
    **{f"{name}_and_quote": _edited_with_quote(edit) for name, edit in EDITS.items()},
}
"""By the name of the behaviour."""
