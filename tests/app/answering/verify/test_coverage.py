"""The sentences that hold most of a claim's words, rare words before common ones."""

from app.answering.verify.cited import cited_sources
from app.answering.verify.coverage import SentenceIndex
from language.reading import read_sentence
from tests.fakes.sources import context_of

INDEX = SentenceIndex(
    list(
        cited_sources(
            context_of(["Staff travel by train. Staff eat lunch.", "Trains have a rare steward."])
        ).values()
    )
)


def best(claim: str, count: int) -> list[str]:
    return [quote.text for quote in INDEX.best(read_sentence(claim), count)]


def test_each_further_sentence_adds_words_that_the_others_lack() -> None:
    assert best("Staff eat lunch beside a steward.", 3) == [
        "Staff eat lunch.",
        "Trains have a rare steward.",
    ]


def test_no_more_sentences_than_asked_for() -> None:
    assert best("Staff eat lunch beside a steward.", 1) == ["Staff eat lunch."]


def test_words_that_no_sentence_holds_find_none() -> None:
    assert best("Dogs bark.", 3) == []
