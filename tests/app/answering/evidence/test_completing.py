"""The rest of a table or a list, read for the caller from the document that the context shows."""

from collections.abc import Sequence
from itertools import count
from uuid import UUID

import pytest

from app.answering.context import Context, Source
from app.answering.evidence.completing import (
    Completed,
    ListGap,
    TableGap,
    complete,
    gaps_of,
    relocate,
)
from app.answering.evidence.pieces import Piece, pieces_of
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.evidence.row_tables import tables_of
from app.answering.question.parts import read_question
from app.answering.verify.rows import rows_of
from kb.ids import DocumentId
from kb.postgres.database import Viewer
from kb.store.chunks import list_chunks, read_passages
from tests.app.answering.evidence.test_tabular import VANS, context_of_table
from tests.fakes.sources import context_of
from tests.service import Person, Service

HEADER = "Part,Price EUR,Stock\n"
PRICES = HEADER + "".join(
    f"Cover {number},{100 + number % 37}.5,{number}\n" for number in range(60)
)
STEPS = "# Descaling\n\n" + "\n".join(
    f"{number}. Turn the valve {number} of the espresso machine slowly to the right, then wait "
    f"for {number} minutes until its lamp has turned blue."
    for number in range(1, 31)
)


def evidence_of(context: Context, piece: Piece) -> list[SentenceEvidence]:
    return [
        SentenceEvidence(
            source_id=context.sources[0].id,
            coverage=1.0,
            cosine=0.0,
            passage_score=1.0,
            passage_rank=0,
            piece=piece,
        )
    ]


async def shown(service: Service, person: Person, document_id: str, *, ordinal: int) -> Context:
    """A context with one chunk of the document."""
    database = service.resources.database
    async with database.tenant(person.tenant_id, viewer=None) as scope:
        listed = await list_chunks(scope, DocumentId(UUID(document_id)), after=ordinal - 1, limit=1)
        passages = await read_passages(scope, [listed[0].id])
    passage = passages[listed[0].id]
    source = Source(id="kq0abc", passage=passage, parts=(passage,))
    return Context(sources=(source,), budget=0, used=0, dropped=())


async def completed(
    service: Service,
    person: Person,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    gaps: Sequence[TableGap | ListGap],
    *,
    principals: tuple[str, ...] = ("tenant:*",),
) -> Completed:
    database = service.resources.database
    viewer = Viewer(principals=principals)
    async with database.tenant(person.tenant_id, viewer=viewer) as scope:
        return await complete(
            scope, context, evidence, gaps, new_source_id=map("n{}q".format, count(10)).__next__
        )


def test_a_whole_table_has_no_gap_for_one_of_its_rows() -> None:
    context = context_of_table(VANS)
    (piece, *_) = pieces_of(context.sources[0].passage)

    assert (
        gaps_of(
            read_question("What is the payload of Alder?"), context, evidence_of(context, piece)
        )
        == []
    )


def test_a_table_with_missing_rows_has_one() -> None:
    context = context_of_table(VANS, missing=1)
    (piece, *_) = pieces_of(context.sources[0].passage)

    gaps = gaps_of(
        read_question("What is the payload of Hazel?"), context, evidence_of(context, piece)
    )

    passage = context.sources[0].passage
    assert gaps == [TableGap(document_id=passage.document_id, version=1, columns=VANS[0])]


async def test_the_rest_of_a_table_is_read(service: Service) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    context = await shown(service, ana, await ana.upload(PRICES, "prices.csv"), ordinal=0)
    evidence = evidence_of(context, pieces_of(context.sources[0].passage)[0])
    question = "Which part has the highest price?"

    gaps = gaps_of(read_question(question), context, evidence)
    whole = await completed(service, ana, context, evidence, gaps)

    (table,) = tables_of(whole.context)
    assert len(tables_of(context)[0].rows) < len(table.rows) == 60
    assert table.is_whole
    assert whole.context.sources[0] == context.sources[0]


async def test_a_list_that_a_chunk_cuts_is_read_on(service: Service) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    context = await shown(service, ana, await ana.upload(STEPS, "steps.txt"), ordinal=1)
    piece = next(each for each in pieces_of(context.sources[0].passage) if each.items)
    evidence = evidence_of(context, piece)

    gaps = gaps_of(read_question("How do I descale the machine?"), context, evidence)
    whole = await completed(service, ana, context, evidence, gaps)

    moved = whole.evidence[0].piece
    assert gaps == [ListGap(source_id="kq0abc")]
    assert moved is not None
    assert len(moved.items) > len(piece.items)
    assert piece.text in moved.text
    assert moved.text in STEPS


@pytest.mark.parametrize(("text", "name"), [(PRICES, "prices.csv"), (STEPS, "steps.txt")])
async def test_nothing_is_read_that_the_caller_may_not_see(
    service: Service, text: str, name: str
) -> None:
    tenant_id = await service.new_tenant()
    hr = await service.person(tenant_id, "group:hr")
    other = await service.person(await service.new_tenant(), "group:hr")
    document_id = await hr.upload(text, name, principals=["group:hr"])
    context = await shown(service, hr, document_id, ordinal=0)
    evidence = evidence_of(context, pieces_of(context.sources[0].passage)[0])
    gaps = gaps_of(read_question("Which part has the highest price?"), context, evidence)
    gaps = gaps or [ListGap(source_id="kq0abc")]

    unseen = await completed(service, hr, context, evidence, gaps)
    elsewhere = await completed(
        service, other, context, evidence, gaps, principals=("group:hr", "tenant:*")
    )
    seen = await completed(
        service, hr, context, evidence, gaps, principals=("group:hr", "tenant:*")
    )

    assert unseen.context == elsewhere.context == context
    assert seen.context != context


async def test_what_is_read_on_ends_where_another_section_stands_between(service: Service) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    steps = "\n".join(STEPS.splitlines()[:17])
    text = f"{steps}\n\n# Milk\n\nRinse the milk pipe.\n\n{steps}"
    context = await shown(service, ana, await ana.upload(text, "steps.md"), ordinal=0)
    (source,) = context.sources

    whole = await completed(service, ana, context, [], [ListGap(source_id=source.id)])

    (grown,) = whole.context.sources
    assert len(grown.parts) > 1
    assert "milk" not in grown.passage.text
    told = "".join(part.text for part in grown.parts)
    assert "".join(grown.passage.text.split()) == "".join(told.split())


async def test_a_list_that_is_read_on_keeps_its_tables(service: Service) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    context = await shown(service, ana, await ana.upload(PRICES, "prices.csv"), ordinal=0)

    whole = await completed(service, ana, context, [], [ListGap(source_id="kq0abc")])

    (grown,) = whole.context.sources
    rows = rows_of(grown.passage)
    assert len(grown.parts) > 1
    assert len(rows) > len(rows_of(context.sources[0].passage))
    assert all(row.cells[0].value == f"Cover {row.number - 1}" for row in rows)


@pytest.mark.parametrize(("text", "found"), [("rope", "rope"), ("Hours", None)])
def test_an_item_that_is_a_heading_once_its_source_has_grown_is_no_evidence(
    text: str, found: str | None
) -> None:
    context = context_of(["Bring to camp:\nlamp\nrope\n\nHours"])
    source = context.sources[0]
    grown = context_of([f"{source.passage.text}\nWe open at nine."]).sources[0]
    piece = next(each for each in pieces_of(source.passage) if each.text == text)
    (evidence,) = evidence_of(context, piece)

    relocated = relocate(evidence, source, grown)

    assert (relocated and relocated.text) == found
