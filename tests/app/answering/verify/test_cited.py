"""Sentences of a source with their layout, and quotes that are found, trivial or of no source."""

import pytest

from app.answering.claims import DraftCitation, ReasonCode, RejectedCitation
from app.answering.context import Source
from app.answering.verify.cited import (
    CitedSource,
    LocatedQuote,
    cited_sources,
    locate_citation,
    normal_sentence,
)
from language.text import Span
from tests.app.answering.verify.test_tables import price_list
from tests.fakes.sources import context_of

TEXT = (
    "Travel\n\nBook all trains to Bonn early. Fares rise\n\n"
    "You need:\n- a ticket\n  - of paper\n1. a card"
)
SOURCES = cited_sources(context_of([TEXT], title="Travel"))
(ID, SOURCE), *_ = SOURCES.items()


def test_a_sentence_knows_how_it_is_laid_out() -> None:
    laid_out = [
        (each.words, each.is_heading, each.is_item, each.is_bullet, each.is_next_line)
        for each in SOURCE.sentences
    ]

    assert laid_out == [
        ("Travel", True, False, False, False),
        ("Book all trains to Bonn early.", False, False, False, False),
        ("Fares rise", False, False, False, True),
        ("You need:", False, False, False, False),
        ("- a ticket", False, True, True, True),
        ("- of paper", False, True, True, True),
        ("1. a card", False, True, False, True),
    ]
    assert [each.level for each in SOURCE.sentences[-3:]] == [(0, "-"), (2, "-"), (0, "1")]


def test_a_line_between_two_short_lines_is_no_heading() -> None:
    (source,) = cited_sources(context_of(["Desk\n\nAnna Berg\n\nHours\n\nFrom nine."])).values()

    assert [source.sentences[index].words for index in source.headings] == ["Desk", "Hours"]


def test_the_headings_above_a_sentence_are_the_last_ones() -> None:
    text = "One\n\nIt is a.\n\nTwo\n\nIt is b.\n\nThree\n\nIt is c."
    (source,) = cited_sources(context_of([text])).values()

    assert source.headings_above(5, 2) == [2, 4]
    assert source.headings_above(0, 2) == []


def test_a_quote_knows_the_sentences_and_rows_that_it_touches() -> None:
    passage = price_list()
    source = CitedSource(Source(id="s1abcd", passage=passage, parts=(passage,)))

    quote = source.quote_at(Span(80, 90))

    assert (list(quote.sentences), [row.number for row in quote.rows]) == ([0, 1], [1, 2])


@pytest.mark.parametrize(
    ("quote", "code"),
    [
        ("Book planes late and by phone.", "quote_not_found"),
        ("Do not book all trains to Bonn early.", "quote_altered"),
        ("trains", "quote_trivial"),
        ("...", "quote_not_found"),
    ],
)
def test_a_quote_that_proves_nothing_is_rejected(quote: str, code: ReasonCode) -> None:
    found = locate_citation(DraftCitation(source=ID, quote=quote), SOURCES)

    assert isinstance(found, RejectedCitation)
    assert found.reason.code == code


def test_a_quote_of_an_unknown_source_is_looked_for_nowhere() -> None:
    found = locate_citation(
        DraftCitation(source="none", quote="Book all trains to Bonn early."), SOURCES
    )

    assert isinstance(found, RejectedCitation)
    assert (found.reason.code, found.checks["source"]) == ("source_unknown", False)


@pytest.mark.parametrize("quote", ["Book all trains to Bonn early.", "Fares rise", "a ticket"])
def test_a_whole_sentence_or_two_words_are_a_quote(quote: str) -> None:
    assert isinstance(locate_citation(DraftCitation(source=ID, quote=quote), SOURCES), LocatedQuote)


def test_sentences_are_compared_without_markers_and_punctuation_at_their_ends() -> None:
    assert normal_sentence("- \u201cBook\u00a0trains\u201d early.") == 'book trains" early'
    assert normal_sentence("Book 2 trains!") == "book 2 trains!"
