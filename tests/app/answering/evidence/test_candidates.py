"""The pieces of a context that may answer."""

from dataclasses import replace

from app.answering.evidence.candidates import Candidate, candidates_of
from app.answering.evidence.row_tables import tables_of
from kb.passages import Passage
from tests.app.answering.evidence.test_tabular import VANS, context_of_table
from tests.fakes.sources import context_of


def candidates(text: str, title: str | None = "Handbook") -> list[Candidate]:
    return candidates_of(context_of([text], title=title))


def test_a_context_without_sources_has_no_candidates() -> None:
    assert candidates_of(context_of([])) == []


def test_the_best_source_comes_first() -> None:
    context = context_of(["We close at noon.", "We open at nine."])
    worse, better = context.sources
    better = replace(better, passage=replace(better.passage, score=2 * worse.passage.score))

    first, second = candidates_of(replace(context, sources=(worse, better)))

    assert (first.source_id, first.passage_rank, first.passage_score) == (better.id, 0, 1.0)
    assert (second.source_id, second.passage_rank, second.passage_score) == (worse.id, 1, 0.5)


def test_what_is_read_once_is_that_of_its_title_headings_language_and_place() -> None:
    context = context_of(["Die Leitung hat Zimmer 12."], title="Handbook")
    (source,) = context.sources
    location = source.passage.location

    def read(passage: Passage) -> list[Candidate]:
        changed = replace(source, id="s2", passage=passage)
        return candidates_of(replace(context, sources=(changed,)))

    (first,) = candidates_of(context)
    (again,) = read(source.passage)
    (titled,) = read(replace(source.passage, title="Rooms"))
    (below,) = read(replace(source.passage, location={**location, "section": ["Rooms"]}))
    (german,) = read(replace(source.passage, language="de"))

    assert again == replace(first, source_id="s2")
    assert titled.title_stems == {"room"}
    assert titled.named_by == "Rooms"
    assert below.heading_stems == {"handbook", "room"}
    assert german.stems != first.stems


def test_a_sentence_knows_the_one_before_it_under_its_heading() -> None:
    text = "The tower is high. It was built in 1890.\n\nHours\n\nIt opens at nine."

    first, second, third = candidates(text)

    assert first.previous_stems == frozenset()
    assert second.previous_stems == first.stems
    assert third.previous_stems == frozenset()
    assert "hour" in third.heading_stems
    assert "hour" not in second.heading_stems


def test_an_item_is_found_by_its_lead_in_and_does_not_continue_the_one_before() -> None:
    _, lamp, rope = candidates("Bring to camp:\n- a lamp\n- a rope")

    assert lamp.stems == {"bring", "camp", "lamp"}
    assert rope.previous_stems == frozenset()


def test_a_sentence_has_its_passage_for_background_and_an_item_its_names() -> None:
    sentence, *_ = candidates("We open at nine. We close at noon.")
    _, lamp, _ = candidates("Bring to camp:\n- a lamp\n- a rope")

    assert sentence.named_by == "Handbook"
    assert sentence.background == "Handbook\nWe open at nine. We close at noon."
    assert lamp.background == lamp.named_by == "Handbook\nBring to camp:"


def test_a_row_is_named_by_its_columns() -> None:
    context = context_of_table(VANS)
    assert tables_of(context)

    first, *_ = candidates_of(context)

    names = ["Rental vans", "Van ", "Payload kg", "Range km", "Daily rate EUR", "Tow bar ", "Site "]
    assert first.named_by.split("\n") == names
