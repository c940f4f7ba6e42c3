from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.answering.context import (
    SOURCE_OVERHEAD_TOKENS,
    Context,
    best_at_ends,
    build_context,
    random_source_id,
)
from kb.passages import Location, Passage

CONTENT = (
    "Employees get 25 days of paid leave in a calendar year. "
    "Unused days expire at the end of March of the next year. "
    "Visitors must sign in at the front desk and wear a badge."
)


def passage_of(
    text: str, *, chunk_id: int = 1, char_start: int = 0, document: int = 1, score: float = 0.5
) -> Passage:
    return Passage(
        chunk_id=chunk_id,
        document_id=UUID(int=document),
        document_version=1,
        external_id=None,
        title="Handbook",
        filename=None,
        source_uri=None,
        content_sha256="0" * 64,
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        text=text,
        location=Location(
            section=["Leave"],
            page=1,
            slide=None,
            sheet=None,
            row=None,
            char_start=char_start,
            char_end=char_start + len(text),
        ),
        score=score,
        bm25=None,
        cosine=None,
    )


def chunk_of(start: int, end: int, *, chunk_id: int, score: float = 0.5) -> Passage:
    return passage_of(CONTENT[start:end], chunk_id=chunk_id, char_start=start, score=score)


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def ids(*names: str) -> Callable[[], str]:
    remaining: Iterator[str] = iter(names)
    return lambda: next(remaining)


def context_of(*passages: Passage, budget_tokens: int = 1000) -> Context:
    return build_context(
        passages,
        budget_tokens=budget_tokens,
        count_tokens=count_words,
        new_source_id=ids("aaaaaa", "bbbbbb", "cccccc"),
    )


def texts(context: Context) -> list[str]:
    return [source.passage.text for source in context.sources]


def test_no_passages_give_an_empty_context() -> None:
    context = context_of()

    assert context == Context(sources=(), budget=1000, used=0, dropped=())


def test_sources_come_by_falling_score() -> None:
    low = passage_of("Visitors sign in at the desk.", chunk_id=1, document=1, score=0.2)
    high = passage_of("Employees get 25 days of leave.", chunk_id=2, document=2, score=0.9)

    context = context_of(low, high)

    assert texts(context) == [high.text, low.text]


def test_used_counts_every_source_and_what_surrounds_it() -> None:
    context = context_of(passage_of("one two three"), passage_of("four five", document=2))

    assert context.used == 3 + 2 + 2 * SOURCE_OVERHEAD_TOKENS


def test_a_passage_over_the_budget_gives_way_to_a_smaller_one() -> None:
    long = passage_of("word " * 50, chunk_id=1, document=1, score=0.9)
    short = passage_of("Employees get 25 days.", chunk_id=2, document=2, score=0.1)

    context = context_of(long, short, budget_tokens=SOURCE_OVERHEAD_TOKENS + 10)

    assert texts(context) == [short.text]
    assert context.dropped == ({"chunk_id": 1, "reason": "budget"},)
    assert context.used <= context.budget


def test_the_same_text_is_shown_once_under_its_better_score() -> None:
    copy = passage_of(CONTENT, chunk_id=1, document=1, score=0.2)
    better = passage_of(CONTENT, chunk_id=2, document=2, score=0.9)

    context = context_of(copy, better)

    assert [source.passage.chunk_id for source in context.sources] == [2]
    assert context.dropped == ({"chunk_id": 1, "reason": "duplicate"},)


def test_a_piece_of_a_better_passage_is_a_duplicate() -> None:
    whole = passage_of(CONTENT, chunk_id=1, document=1, score=0.9)
    piece = passage_of(CONTENT[:56], chunk_id=2, document=2, score=0.5)

    context = context_of(whole, piece)

    assert context.dropped == ({"chunk_id": 2, "reason": "duplicate"},)


@pytest.mark.parametrize(
    ("old", "new"),
    [("25", "30"), ("must sign", "must not sign"), ("Unused days", "No unused days")],
)
def test_texts_that_disagree_are_both_shown(old: str, new: str) -> None:
    filler = "The handbook applies to all sites and is reviewed by the works council. " * 6
    text = filler + CONTENT
    first = passage_of(text, chunk_id=1, document=1, score=0.9)
    second = passage_of(text.replace(old, new), chunk_id=2, document=2, score=0.8)

    forward = context_of(first, second)
    backward = context_of(replace(first, score=0.1), second)

    assert len(forward.sources) == 2
    assert len(backward.sources) == 2


def test_a_copy_with_one_other_plain_word_is_a_duplicate() -> None:
    filler = "The handbook applies to all sites and is reviewed by the works council. " * 6
    first = passage_of(filler + CONTENT, chunk_id=1, document=1, score=0.9)
    second = passage_of(
        filler + CONTENT.replace("front desk", "main desk"), chunk_id=2, document=2, score=0.8
    )

    context = context_of(first, second)

    assert len(context.sources) == 1


def test_chunks_without_a_gap_are_joined_and_offsets_stay_exact() -> None:
    second = chunk_of(56, 113, chunk_id=8, score=0.9)
    first = chunk_of(0, 56, chunk_id=7, score=0.4)

    source = context_of(second, first).sources[0]

    location = source.passage.location
    assert source.passage.text == CONTENT[location["char_start"] : location["char_end"]]
    assert source.passage.text == CONTENT[:113]
    assert source.passage.score == 0.9
    assert [source.part_at(offset).chunk_id for offset in (0, 55, 56, 112)] == [7, 7, 8, 8]


def test_chunks_with_a_gap_stay_apart_but_side_by_side() -> None:
    first = chunk_of(0, 55, chunk_id=7, score=0.2)
    second = chunk_of(56, 113, chunk_id=8, score=0.9)
    other = passage_of("The canteen opens at noon.", chunk_id=9, document=2, score=0.5)

    context = context_of(other, first, second)

    assert [source.passage.chunk_id for source in context.sources] == [7, 8, 9]


def test_chunks_of_different_documents_or_versions_are_never_joined() -> None:
    first = chunk_of(0, 56, chunk_id=7)
    next_version = replace(chunk_of(56, 113, chunk_id=8), document_version=2)
    next_document = replace(chunk_of(56, 113, chunk_id=9), document_id=UUID(int=5))

    assert len(context_of(first, next_version).sources) == 2
    assert len(context_of(first, next_document).sources) == 2


def test_source_ids_are_different_and_never_plain_numbers() -> None:
    context = build_context(
        [passage_of("one two"), passage_of("three four", document=2)],
        budget_tokens=1000,
        count_tokens=count_words,
        new_source_id=ids("123456", "aaaaaa", "aaaaaa", "1", "bbbbbb"),
    )

    assert [source.id for source in context.sources] == ["aaaaaa", "bbbbbb"]


def test_an_id_maker_that_repeats_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="different ids"):
        build_context(
            [passage_of("one two"), passage_of("three four", document=2)],
            budget_tokens=1000,
            count_tokens=count_words,
            new_source_id=lambda: "aaaaaa",
        )


def test_a_context_knows_only_its_own_ids() -> None:
    context = context_of(passage_of("one two"))

    assert context.source("aaaaaa") is context.sources[0]
    assert context.source("AAAAAA") is None
    assert context.source("1") is None


def test_the_best_sources_are_shown_at_both_ends() -> None:
    sources = build_context(
        [passage_of(f"fact {number}", document=number, score=1 / number) for number in range(1, 6)],
        budget_tokens=1000,
        count_tokens=count_words,
        new_source_id=ids(*"abcde"),
    ).sources

    assert [source.id for source in best_at_ends(sources)] == ["a", "c", "e", "d", "b"]
    assert best_at_ends(()) == []


def test_sources_of_one_document_are_shown_together() -> None:
    passages = [
        chunk_of(0, 55, chunk_id=1, score=0.5),
        chunk_of(56, 113, chunk_id=2, score=0.9),
        passage_of("The canteen opens at noon.", chunk_id=3, document=2, score=0.8),
    ]

    shown = best_at_ends(context_of(*passages).sources)

    assert [source.passage.chunk_id for source in shown] == [1, 2, 3]


def test_random_ids_begin_with_a_letter_and_do_not_repeat() -> None:
    made = {random_source_id() for _ in range(200)}

    assert len(made) == 200
    assert all(len(one) == 6 and one[0].isalpha() and one.isalnum() for one in made)
