"""The texts a question in a conversation is searched for with, worked out without a model.

A follow-up such as "And for contractors?" names only what is new. What it leans on is searched for
too, at a fraction of its weight: the question before it, the conversation's first question, and
the answer it follows. BM25 counts their terms less often than the question's; the vector is

    v = unit(q + sum over carried texts of  w * t)        q, t: vectors of the question and a text

Source of the vector: Rocchio, Relevance feedback in information retrieval, 1971.

nDCG@10 of questions with a history, in conversations the weights were not tuned on (mtrag_un n=71;
mtrag_clapnq n=128, vectors over pooled candidates; mtrag_cloud n=112, BM25 alone): last turn .770,
.488, .235; with the question before it .798, .424, .230; rewritten by people -, .502, .254; with
this .859, .542, .269. A first question put after another conversation keeps .885 of .914 (mtrag_un,
n=36) and .682 of .692 (mtrag_clapnq, n=111).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kb.index.lexical.analysis import analyse, analyse_query

Speaker = Literal["user", "assistant"]

Sign = Literal["refers_back", "adds_on", "short"]
"""A sign that a question leans on what went before: a pronoun, an opening such as 'and', few words
of content."""

Bearing = Literal["follow_up", "stand_alone", "new_topic"]
"""The relation of a question to what went before: leans on it, shares its words, or neither."""

SHORT_QUESTION_TERMS: Final = 3
"""Content terms up to which a question says too little by itself."""

MAX_ANSWER_TERMS: Final = 64
"""Different terms carried of an answer, the first ones: with 32 nDCG@10 fell by up to .02."""

# Stems, as the analysis gives them.
_REFERRING: Final = frozenset(
    {"it", "its", "they", "them", "their", "this", "that", "these", "those", "he", "him", "his"}
    | {"she", "her", "there", "such", "one", "both", "former", "latter", "same", "abov"}
)
_ADDING: Final = frozenset(
    {"and", "or", "but", "so", "also", "then", "els", "more", "ok", "okay", "yes", "no", "thank"}
    | {"realli", "for", "in", "with"}
)
_ADDING_PAIRS: Final = frozenset({"what about", "how about", "how come", "go on", "tell me"})
_EMPTY: Final = (
    _REFERRING
    | _ADDING
    | {"a", "an", "the", "of", "on", "at", "to", "from", "by", "as", "if", "not", "ani", "some"}
    | {"is", "are", "was", "were", "be", "been", "do", "doe", "did", "have", "has", "had", "can"}
    | {"could", "will", "would", "should", "may", "might", "must", "what", "which", "who", "whom"}
    | {"whose", "when", "where", "whi", "how", "i", "me", "my", "we", "us", "our", "you", "your"}
    | {"about", "than", "tell", "pleas", "explain", "know", "give", "let", "just", "most", "mani"}
    | {"much", "get"}
)


@dataclass(frozen=True, kw_only=True)
class Said:
    """One message of the conversation before the question."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A text searched for beside the question.

    Of BM25's terms, each counts `times` where one of the question counts `question_times`.
    """

    said: Said
    times: int
    vector_weight: float


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """The texts a question is searched for with, and the reason."""

    bearing: Bearing
    signs: tuple[Sign, ...]
    question_times: int
    carried: tuple[Carried, ...]

    def terms(self, question: str, languages: Sequence[str]) -> list[str]:
        """The terms for BM25, each as often as it counts."""
        terms = analyse_query(question, languages) * self.question_times
        for carried in self.carried:
            of_text = analyse_query(carried.said.text, languages)
            if carried.said.speaker == "assistant":
                of_text = list(dict.fromkeys(of_text))[:MAX_ANSWER_TERMS]
            terms += of_text * carried.times
        return terms


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """The weights of the question, an earlier one and the answer before; tuned as said above."""

    question_times: int
    earlier_question: tuple[int, float]
    answer: tuple[int, float]


_FOLLOW_UP: Final = _Weights(question_times=20, earlier_question=(4, 0.2), answer=(1, 0.5))
_STAND_ALONE: Final = _Weights(question_times=40, earlier_question=(4, 0.1), answer=(1, 0.25))


def in_conversation(question: str, history: Sequence[Said]) -> Conversation | None:
    """The search for a question that is asked after `history`; None after nothing.

    The words that show a follow-up are English; in other languages only its length does.
    """
    if not history:
        return None
    terms = analyse_query(question)
    content = set(terms) - _EMPTY
    signs = tuple(_signs(terms, content))
    bearing: Bearing
    if signs:
        bearing, weights = "follow_up", _FOLLOW_UP
    elif content & {term for each in history for term in analyse(each.text, None)}:
        bearing, weights = "stand_alone", _STAND_ALONE
    else:
        return Conversation(bearing="new_topic", signs=(), question_times=1, carried=())

    asked = [said for said in history if said.speaker == "user"]
    answered = [said for said in history if said.speaker == "assistant"]
    texts = [(said, weights.earlier_question) for said in dict.fromkeys([*asked[:1], *asked[-1:]])]
    texts += [(said, weights.answer) for said in answered[-1:]]
    return Conversation(
        bearing=bearing,
        signs=signs,
        question_times=weights.question_times,
        carried=tuple(
            Carried(said=said, times=times, vector_weight=vector_weight)
            for said, (times, vector_weight) in texts
        ),
    )


def _signs(terms: Sequence[str], content: set[str]) -> Iterator[Sign]:
    if not _REFERRING.isdisjoint(terms):
        yield "refers_back"
    if terms[:1] and (terms[0] in _ADDING or " ".join(terms[:2]) in _ADDING_PAIRS):
        yield "adds_on"
    if len(content) <= SHORT_QUESTION_TERMS:
        yield "short"
