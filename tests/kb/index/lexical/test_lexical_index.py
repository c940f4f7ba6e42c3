from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from kb.errors import IndexNotReady
from kb.index.lexical.index import TenantIndex
from kb.store.chunks import IndexedChunk
from tests.kb.index.lexical.committed import search

ANA, FINANCE, ALL = "user:ana", "group:finance", "tenant:*"


def document_id(number: int) -> UUID:
    return UUID(int=number)


def chunk(
    chunk_id: int, text: str, *, document: int = 1, principals: tuple[str, ...] = (ALL,)
) -> IndexedChunk:
    return IndexedChunk(
        chunk_id=chunk_id,
        document_id=document_id(document),
        principals=principals,
        text=text,
        language="en",
    )


def apply(
    index: TenantIndex, generation: int, *chunks: IndexedChunk, replaced: Iterable[int] = ()
) -> None:
    index.apply(
        since=0,
        generation=generation,
        replaced_documents=[document_id(number) for number in replaced],
        chunks=chunks,
    )


def found(index: TenantIndex, *terms: str, principals: tuple[str, ...] = (ALL,)) -> list[int]:
    return [hit.chunk_id for hit in search(index, terms, principals=principals, limit=10)]


@pytest.fixture
def index(tmp_path: Path) -> TenantIndex:
    return TenantIndex(tmp_path / "tenants" / "one")


def test_new_index_is_empty_and_of_generation_0(index: TenantIndex) -> None:
    assert index.generation == 0
    assert found(index, "fox") == []


def test_applied_chunks_are_found_at_once(index: TenantIndex) -> None:
    apply(index, 1, chunk(7, "The quick fox"), chunk(8, "The lazy dog"))

    assert index.generation == 1
    assert found(index, "fox") == [7]
    assert found(index, "the", "dog") == [8, 7]


def test_reopened_index_has_everything(index: TenantIndex, tmp_path: Path) -> None:
    apply(index, 5, chunk(7, "The quick fox"))

    reopened = TenantIndex(tmp_path / "tenants" / "one")

    assert reopened.generation == 5
    assert found(reopened, "fox") == [7]


def test_ids_beyond_32_bits_survive(index: TenantIndex) -> None:
    apply(index, 2**40, chunk(2**62, "fox"))

    assert index.generation == 2**40
    assert found(index, "fox") == [2**62]


def test_replaced_document_has_only_its_new_chunks(index: TenantIndex) -> None:
    apply(index, 1, chunk(1, "fox"), chunk(2, "fox"), chunk(3, "fox", document=2))

    apply(index, 2, chunk(4, "fox and hound"), replaced=[1])

    assert found(index, "fox") == [3, 4]


def test_deleted_document_never_appears(index: TenantIndex) -> None:
    apply(index, 1, chunk(1, "fox"), chunk(2, "fox", document=2))

    apply(index, 2, replaced=[1])

    assert index.generation == 2
    assert found(index, "fox") == [2]


def test_generation_survives_the_deletion_of_all_documents(index: TenantIndex) -> None:
    apply(index, 1, chunk(1, "fox"))
    apply(index, 2, replaced=[1])

    apply(index, 3)

    assert index.reload() == 3
    assert found(index, "fox") == []


def test_generation_follows_every_commit_whichever_document_changed(index: TenantIndex) -> None:
    for generation in range(1, 31):
        document = generation % 4
        apply(index, generation, chunk(generation, "fox", document=document), replaced=[document])

        assert index.generation == generation

    assert sorted(found(index, "fox")) == [27, 28, 29, 30]


def test_late_change_does_not_undo_a_later_one(index: TenantIndex) -> None:
    apply(index, 5, chunk(2, "new fox"))

    apply(index, 4, chunk(1, "old fox"), replaced=[1])

    assert index.generation == 5
    assert found(index, "fox") == [2]


def test_change_since_a_generation_the_index_has_not_reached_is_refused(
    index: TenantIndex,
) -> None:
    # Two processes rebuild a new index from generation 4, the slow one after the fast one is at 5.
    index.rebuild(generation=5, chunks=[chunk(5, "fox", document=5)])
    index.rebuild(generation=4, chunks=[chunk(4, "fox", document=4)])

    with pytest.raises(IndexNotReady):
        index.apply(
            since=5,
            generation=6,
            replaced_documents=[],
            chunks=[chunk(6, "fox", document=6)],
        )

    assert index.generation == 4
    assert found(index, "fox") == [4]


def test_rebuild_replaces_everything_even_by_an_older_generation(index: TenantIndex) -> None:
    apply(index, 9, chunk(1, "fox"), chunk(2, "fox", document=2))

    index.rebuild(generation=3, chunks=[chunk(5, "fox", document=3)])

    assert index.generation == 3
    assert found(index, "fox") == [5]


def test_searches_read_the_old_content_until_the_rebuild_is_done(index: TenantIndex) -> None:
    apply(index, 1, chunk(1, "fox"))
    seen_meanwhile: list[list[int]] = []

    def chunks() -> Iterator[IndexedChunk]:
        yield chunk(2, "fox", document=2)
        index.reload()
        seen_meanwhile.append(found(index, "fox"))

    index.rebuild(generation=2, chunks=chunks())

    assert seen_meanwhile == [[1]]
    assert found(index, "fox") == [2]


def test_chunks_are_found_only_by_their_principals(index: TenantIndex) -> None:
    apply(
        index,
        1,
        chunk(1, "fox", principals=(ANA,)),
        chunk(2, "fox", principals=(FINANCE, ANA)),
        chunk(3, "fox", principals=(FINANCE,)),
    )

    assert found(index, "fox", principals=(ANA,)) == [1, 2]
    assert found(index, "fox", principals=(FINANCE,)) == [2, 3]
    assert found(index, "fox", principals=(ANA, FINANCE)) == [1, 2, 3]
    assert found(index, "fox", principals=("user:an", "USER:ANA", "user")) == []
    assert found(index, "fox", principals=()) == []


def test_principals_do_not_move_a_score(index: TenantIndex) -> None:
    readers = (ANA, FINANCE)
    fox = chunk(1, "fox", principals=readers)
    apply(index, 1, fox, chunk(2, "dog dog dog", principals=readers))

    one = search(index, ["fox"], principals=[ANA], limit=5)
    both = search(index, ["fox"], principals=[ANA, FINANCE], limit=5)
    restricted = search(
        index,
        ["fox"],
        principals=[ANA],
        limit=5,
        document_ids=[document_id(1)],
        excluded_document_ids=[document_id(9)],
    )

    assert one == both == restricted
    # N = 2, n = 1: idf = ln(1 + 1.5 / 1.5); length 1, average 2: tf part = 2.2 / (1 + 0.75).
    assert one[0].score == pytest.approx(0.693147 * 2.2 / 1.75, rel=1e-5)


def test_documents_restrict_and_exclude(index: TenantIndex) -> None:
    apply(index, 1, *(chunk(number, "fox", document=number) for number in (1, 2, 3)))
    one, two = document_id(1), document_id(2)

    def found_among(only: list[UUID] | None, without: list[UUID]) -> list[int]:
        hits = search(
            index,
            ["fox"],
            principals=[ALL],
            limit=10,
            document_ids=only,
            excluded_document_ids=without,
        )
        return [hit.chunk_id for hit in hits]

    assert found_among(None, [two]) == [1, 3]
    assert found_among([one, two], []) == [1, 2]
    assert found_among([one, two], [two]) == [1]
    assert found_among([], []) == []


def test_no_terms_or_no_room_means_no_hits(index: TenantIndex) -> None:
    apply(index, 1, chunk(1, "fox"), chunk(2, " ... "))

    assert found(index) == []
    assert found(index, "") == []
    assert search(index, ["fox"], principals=[ALL], limit=0) == []


def test_limit_keeps_the_best(index: TenantIndex) -> None:
    apply(index, 1, *(chunk(number, "fox " * number + "dog " * 9) for number in range(1, 9)))

    hits = search(index, ["fox"], principals=[ALL], limit=3)

    assert [hit.chunk_id for hit in hits] == [8, 7, 6]
    assert hits[0].score > hits[1].score > hits[2].score > 0


def test_failing_stream_of_chunks_changes_nothing(index: TenantIndex) -> None:
    apply(index, 1, chunk(1, "fox"))

    def broken() -> Iterator[IndexedChunk]:
        yield chunk(2, "fox")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        index.apply(since=0, generation=2, replaced_documents=[document_id(1)], chunks=broken())

    assert index.reload() == 1
    assert found(index, "fox") == [1]
    apply(index, 2, chunk(3, "fox", document=3))
    assert found(index, "fox") == [1, 3]


def test_second_writer_is_told_that_the_index_is_not_ready(
    index: TenantIndex, tmp_path: Path
) -> None:
    other = TenantIndex(tmp_path / "tenants" / "one")

    def chunks_while_the_other_tries() -> Iterator[IndexedChunk]:
        with pytest.raises(IndexNotReady, match="another process"):
            apply(other, 1, chunk(2, "fox"))
        yield chunk(1, "fox")

    index.apply(since=0, generation=1, replaced_documents=[], chunks=chunks_while_the_other_tries())

    assert other.generation == 0
    assert other.reload() == 1
    assert found(other, "fox") == [1]


def test_searches_see_whole_commits_while_another_thread_applies(index: TenantIndex) -> None:
    def pair(generation: int) -> list[IndexedChunk]:
        return [chunk(2 * generation, "fox"), chunk(2 * generation + 1, "fox", document=2)]

    def change_again_and_again() -> None:
        for generation in range(2, 13):
            apply(index, generation, *pair(generation), replaced=[1, 2])

    apply(index, 1, *pair(1))
    seen: list[list[int]] = []
    with ThreadPoolExecutor(4) as threads:
        changes = threads.submit(change_again_and_again)
        while not changes.done():
            searches = [threads.submit(found, index, "fox") for _ in range(3)]
            seen.extend(search.result() for search in searches)
        changes.result()

    assert seen
    assert all(second == first + 1 and first % 2 == 0 for first, second in seen)
    assert found(index, "fox") == [24, 25]


def test_scores_do_not_depend_on_the_number_of_commits(tmp_path: Path) -> None:
    at_once, one_by_one = TenantIndex(tmp_path / "a"), TenantIndex(tmp_path / "b")
    chunks = [chunk(number, "fox " + "dog " * number, document=number) for number in range(1, 13)]
    apply(at_once, 12, *chunks)

    for generation, each in enumerate(chunks, start=1):
        apply(one_by_one, generation, each)

    terms, principals = ["fox", "dog"], [ALL]
    assert at_once.reader.statistics(terms, principals=principals) == one_by_one.reader.statistics(
        terms, principals=principals
    )
    expected = {
        hit.chunk_id: hit.score for hit in search(at_once, terms, principals=principals, limit=20)
    }
    assert {
        hit.chunk_id: hit.score
        for hit in search(one_by_one, terms, principals=principals, limit=20)
    } == expected


@pytest.mark.parametrize(
    ("stated", "kept"), [(None, None), ("de", "de"), ("pt-BR", "pt"), ("zh_Hans", "zh")]
)
def test_a_hit_tells_the_language_of_its_chunk(
    tmp_path: Path, stated: str | None, kept: str | None
) -> None:
    index = TenantIndex(tmp_path / "index")
    told = replace(chunk(1, "42"), language=stated)
    index.apply(since=0, generation=1, replaced_documents=[], chunks=[told])

    (hit,) = search(index, ["42"], principals=[ALL], limit=1)

    assert hit.language == kept
