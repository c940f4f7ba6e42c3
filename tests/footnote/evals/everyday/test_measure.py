"""Everyday questions asked of real documents, and what is counted."""

from datetime import UTC, datetime

from footnote.evals.everyday.cases import EverydayCase, WrittenDocument
from footnote.evals.everyday.grading import Grade, Outcome, Shown
from footnote.evals.everyday.measure import (
    AskedCase,
    ask_cases,
    headings_of,
    load_files,
    results_of,
    source_of,
)
from kb.store.uploads import Uploads
from tests.service import Service

OLD = WrittenDocument(
    id="old", file="old.md", title="Fees 2024", text="# Fees\n\nA late book costs two euros."
)
NEW = WrittenDocument(
    id="new",
    file="new.md",
    title="Fees 2026",
    text="# Fees\n\nA late book costs three euros.",
    effective_at=datetime(2026, 1, 1, tzinfo=UTC),
    supersedes="old",
)
SECRET = WrittenDocument(
    id="secret",
    file="secret.md",
    title="Vault",
    text="The vault's code is kept by Greta Holm.",
    principals=("group:vault",),
)
FEE = EverydayCase(
    id="fee",
    kind="superseded",
    language="en",
    question="How much does a late book cost?",
    expected=("answered",),
    must=("three euros",),
    must_not=("two euros",),
)
WHO = EverydayCase(
    id="who",
    kind="permission",
    language="en",
    question="Who keeps the vault's code?",
    expected=("unsupported",),
    must_not=("Greta",),
)
ALLOWED = EverydayCase(
    id="allowed",
    kind="permission",
    language="en",
    question="Who keeps the vault's code?",
    expected=("answered",),
    principals=("group:vault",),
    must=("Greta Holm",),
)


def asked(case: EverydayCase, outcome: Outcome) -> AskedCase:
    return AskedCase(
        case=case,
        shown=Shown(status="answered", text="", claims=()),
        grade=Grade(outcome=outcome),
        milliseconds=1.0,
    )


async def test_documents_are_asked_as_the_service_asks_them(service: Service) -> None:
    uploads = Uploads(
        database=service.resources.database,
        files=service.ingestion.files,
        max_bytes=service.resources.uploads.max_bytes,
    )
    files = [source_of(document) for document in (OLD, NEW, SECRET)]
    tenant_id = await load_files(service.ingestion, uploads, files)
    again = await load_files(service.ingestion, uploads, files)

    found = await ask_cases(
        service.resources, tenant_id, [FEE, WHO, ALLOWED], headings=frozenset(), alias=None
    )

    assert again == tenant_id
    assert [each.grade for each in found] == [Grade(outcome="right")] * 3
    assert "[" not in found[0].shown.text


def test_headings_are_titles_and_marked_lines() -> None:
    assert headings_of([OLD, SECRET]) == {"fees 2024", "fees", "vault"}


def test_shares_of_all_and_of_each_kind() -> None:
    results = results_of(
        "first",
        [asked(FEE, "right"), asked(WHO, "wrong"), asked(ALLOWED, "ugly")],
        variant="v",
        is_whole=True,
    )

    whole, superseded, permission = results
    assert {each["dataset"] for each in results} == {"first"}
    assert [each["variant"] for each in results] == ["v all", "v superseded", "v permission"]
    # Of three, one is right, one ugly, one wrong.
    assert whole["figures"]["right"] == 0.333333
    assert whole["figures"]["right_or_ugly"] == 0.666667
    assert whole["figures"]["not_wrong"] == 0.666667
    assert superseded["figures"]["right"] == 1
    assert permission["figures"]["right"] == 0
    assert permission["details"]["wrong"] == "who"
    assert permission["details"]["beside"] is None
    assert whole["scores"]["right"] == [1, 0, 0]
