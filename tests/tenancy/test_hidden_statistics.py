"""Scores, ranks and generations tell nothing of documents that the caller may not read.

The attack: somebody uploads documents of their own with the words they are curious about, searches
for each word, and divides the scores, which BM25 makes of how many chunks hold the word.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from kb.ids import DocumentId
from kb.index.lexical.bags import Bags, bag_of
from kb.index.lexical.records import Statistics
from kb.index.lexical.scoring import Bm25, inverse_document_frequency
from kb.postgres.database import Viewer
from kb.store.changes import change_fields
from kb.store.documents import DocumentFields, get_document
from kb.store.tables import reader_changes
from tests.service import Service
from tests.tenancy.library import ALL, ANA, HR, Library, publish_at_once

WORDS = [f"codeword{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(50)]
SOURCE = random.Random(8)  # noqa: S311  # repeatable, no secret
SECRET_COUNTS = {word: SOURCE.randint(0, 9) for word in WORDS}
"""How many hidden chunks hold the word."""

KNOWN = "knownword"
"""Only in the attacker's document: its score is what the others are divided by."""

DECOYS = ("a decoy with other words", "codewordaa " * 30, "longer " * 120)


async def empty_library(service: Service) -> Library:
    ana = await service.person(await service.new_tenant(), ANA)
    # Nobody looks into the folder here.
    return Library(service=service, ana=ana, folder=Path())


def hidden_texts() -> list[str]:
    """Of different lengths: the mean of them is a secret too."""
    texts = []
    for number in range(max(SECRET_COUNTS.values())):
        words = [word for word, count in SECRET_COUNTS.items() if number < count]
        texts.append(" ".join([*words, *["filler"] * (7 * number)]))
    return texts


async def upload_own(library: Library) -> None:
    """The words at three lengths, and decoys."""
    for filling in (0, 20, 90):
        await publish_at_once(
            library, [" ".join([KNOWN, *WORDS, *["own"] * filling])], principals=(ANA,)
        )
    await publish_at_once(library, DECOYS, principals=(ALL,))


async def what_ana_sees(library: Library, words: Sequence[str] = WORDS) -> list[object]:
    """Every response, without what is of chance: ids and times."""
    seen: list[object] = []
    for word in (KNOWN, *words, "filler", "codewordaa own"):
        for mode in ("lexical", "hybrid"):
            response = await library.ana.search(word, mode=mode, top_k=20, explain=True)
            assert response.status_code == 200, response.text
            found = response.json()
            hits = [
                (hit["text"], hit["scores"], hit["ranks"], hit["location"]) for hit in found["data"]
            ]
            seen.append((hits, found["generation"], found["explanation"]))
    return seen


def guessed_counts(score_by_word: Mapping[str, float], chunk_count: int) -> dict[str, int]:
    """How many chunks hold each word, beside the attacker's three, who knows N."""
    unit = inverse_document_frequency(3, chunk_count)
    return {
        word: min(
            range(chunk_count - 2),
            key=lambda count: abs(
                inverse_document_frequency(3 + count, chunk_count) / unit
                - score / score_by_word[KNOWN]
            ),
        )
        for word, score in score_by_word.items()
        if word != KNOWN
    }


async def scores(library: Library) -> dict[str, float]:
    """Of the shortest of the attacker's documents, by word."""
    score_by_word = {}
    for word in (KNOWN, *WORDS):
        found = (await library.ana.search(word, mode="lexical", top_k=20)).json()["data"]
        score_by_word[word] = min(
            (hit for hit in found if hit["text"].startswith(KNOWN)),
            key=lambda hit: len(hit["text"]),
        )["scores"]["bm25"]
    return score_by_word


async def commit(library: Library) -> None:
    await library.lexical.catch_up(library.ana.tenant_id)


def test_the_attack_reads_the_counts_where_all_chunks_count() -> None:
    own = [KNOWN, *WORDS]
    chunk_count = 3 + len(hidden_texts())
    frequencies = {word: 3 + count for word, count in SECRET_COUNTS.items()} | {KNOWN: 3}
    statistics = Statistics(
        chunk_count=chunk_count, total_length=1_000, frequency_by_term=frequencies
    )
    score_by_word = {
        word: float(Bm25([word], statistics).score(Bags([bag_of(own)]))[0]) for word in own
    }

    assert guessed_counts(score_by_word, chunk_count) == SECRET_COUNTS


async def test_the_attack_sees_a_tenant_without_hidden_documents(service: Service) -> None:
    secretive, plain = await empty_library(service), await empty_library(service)
    await publish_at_once(secretive, hidden_texts(), principals=(HR,))
    # In the index already, as most of a tenant is; what is uploaded next is not.
    await commit(secretive)
    for library in (secretive, plain):
        await upload_own(library)

    before_the_commit = await what_ana_sees(secretive)
    assert before_the_commit == await what_ana_sees(plain)
    await commit(secretive)
    await commit(plain)
    assert await what_ana_sees(secretive) == await what_ana_sees(plain)

    guesses = guessed_counts(await scores(secretive), 6 + len(hidden_texts()))
    assert guesses == guessed_counts(await scores(plain), 6 + len(hidden_texts()))
    # Which is none at all: the same guess for every word that no decoy holds.
    assert len({guess for word, guess in guesses.items() if word != "codewordaa"}) == 1


async def test_nothing_is_told_when_hidden_documents_come_change_and_go(service: Service) -> None:
    library = await empty_library(service)
    await upload_own(library)
    at_first = await what_ana_sees(library, WORDS[:5])
    hidden = ""

    async def come() -> None:
        nonlocal hidden
        hidden = await publish_at_once(library, hidden_texts(), principals=(HR,))

    async def change_readers() -> None:
        await set_readers(library, hidden, (HR, "user:bo"))

    async def go() -> None:
        hr = await service.person(library.ana.tenant_id, HR)
        response = await hr.request("DELETE", f"/v1/documents/{hidden}")
        assert response.status_code == 200, response.text

    async def be_committed() -> None:
        await commit(library)

    steps: list[Callable[[], Awaitable[None]]] = [
        *(come, be_committed, change_readers, be_committed, go, be_committed)
    ]
    for step in steps:
        await step()

        assert await what_ana_sees(library, WORDS[:5]) == at_first


async def set_readers(library: Library, document_id: str, readers: tuple[str, ...]) -> None:
    database = library.service.resources.database
    async with database.tenant(library.ana.tenant_id, viewer=None) as scope:
        document = await get_document(scope, DocumentId(UUID(document_id)))
        fields: DocumentFields = replace(document.fields, principals=readers)
        await change_fields(scope, document, fields, now=datetime.now(UTC))


async def generation(library: Library) -> int:
    found = await library.ana.search("anything", mode="lexical")
    return int(found.json()["generation"])


async def test_a_callers_generation_counts_what_they_may_read_or_could(service: Service) -> None:
    library = await empty_library(service)
    assert await generation(library) == 0

    await publish_at_once(library, ["for ana"], principals=(ANA,))
    await publish_at_once(library, ["for everybody"], principals=(ALL,))
    shared = await publish_at_once(library, ["for ana and HR"], principals=(ANA, HR))
    assert await generation(library) == 3
    await publish_at_once(library, ["for HR"], principals=(HR,))
    assert await generation(library) == 3
    await set_readers(library, shared, (HR,))
    assert await generation(library) == 4
    await set_readers(library, shared, (HR, "user:bo"))
    assert await generation(library) == 4
    await set_readers(library, shared, (ANA,))
    assert await generation(library) == 5
    response = await library.ana.request("DELETE", f"/v1/documents/{shared}")
    assert response.json()["receipt"]["generation"] == await generation(library) == 6


async def test_nobody_reads_of_others_changes(service: Service) -> None:
    library = await empty_library(service)
    await publish_at_once(library, ["for HR"], principals=(HR,))
    other = await empty_library(service)
    await publish_at_once(other, ["for everybody"], principals=(ALL,))

    database = service.resources.database
    async with database.tenant(
        library.ana.tenant_id, viewer=Viewer(principals=(ANA, ALL))
    ) as scope:
        rows = await scope.connection.execute(select(reader_changes))

    assert rows.all() == []
