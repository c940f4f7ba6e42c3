"""Taking files in: what is new, changed, unchanged and refused, and under which names."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.identity import Caller
from footnote.caller import command_line_caller
from footnote.commands.given_files import GivenFile, find_files
from footnote.commands.ingest_files import Destination, Intake, Outcome
from ingest.sources.permissions import Readers, parse_rule_file
from ingest.worker import build_queue_app, run_worker
from kb.errors import InvalidInput
from kb.postgres.database import EVERYONE
from kb.settings import Settings
from kb.store.documents import Document, Listing, get_document, list_documents
from kb.store.job_lists import JobListing, list_jobs
from kb.store.tenants import create_tenant
from kb.store.uploads import Uploads
from tests.footnote.own_database import STALLED, OwnDatabase, own_database

PAPERS = Destination(collection="papers", readers=Readers.of((), [EVERYONE]))


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/sources") as own:
        yield own


@pytest.fixture
async def caller(own: OwnDatabase, request: pytest.FixtureRequest) -> Caller:
    async with own.tools.database.system() as system:
        tenant = await create_tenant(system, request.node.name[:200])
    return await command_line_caller(own.tools.database, tenant.name, [])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, {"leave.md": "# Leave\n\n31 days.\n", "hr/pay.txt": "Pay comes on the 25th."})
    return tmp_path


def write(folder: Path, text_by_name: dict[str, str]) -> None:
    for name, text in text_by_name.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def intake(
    own: OwnDatabase, caller: Caller, destination: Destination = PAPERS, *, is_dry: bool = False
) -> Intake:
    uploads = Uploads(database=own.tools.database, files=own.tools.files, max_bytes=1000)
    return Intake(
        tools=None if is_dry else own.tools,
        uploads=uploads,
        caller=caller,
        destination=destination,
        stalled_after=STALLED,
    )


async def take(taking: Intake, paths: Sequence[Path]) -> dict[str, Outcome]:
    outcomes: list[Outcome] = []
    await taking.take_all(
        find_files(paths), at_once=2, began=lambda _file: None, ended=outcomes.append
    )
    return {outcome.file.id: outcome for outcome in outcomes}


def changes(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {name: outcome.change for name, outcome in outcomes.items()}


async def stored(own: OwnDatabase, caller: Caller, outcome: Outcome) -> Document:
    assert outcome.document_id is not None
    async with own.tools.database.tenant(caller.tenant_id, viewer=None) as scope:
        return await get_document(scope, outcome.document_id)


async def all_stored(own: OwnDatabase, caller: Caller) -> list[Document]:
    async with own.tools.database.tenant(caller.tenant_id, viewer=None) as scope:
        return await list_documents(scope, Listing(), after=None, limit=100)


async def test_a_file_becomes_a_document_under_its_path_in_the_folder(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    prefixed = replace(PAPERS, source_uri_prefix="https://wiki.example.org/")
    write(folder, {"hr/über uns.md": "# About us\n\nWe are 30.\n"})

    outcomes = await take(intake(own, caller, prefixed), [folder])

    assert changes(outcomes) == {"hr/pay.txt": "new", "hr/über uns.md": "new", "leave.md": "new"}
    pay = await stored(own, caller, outcomes["hr/pay.txt"])
    about = await stored(own, caller, outcomes["hr/über uns.md"])
    assert (pay.status, pay.collection, pay.content.filename) == ("ready", "papers", "pay.txt")
    assert (pay.fields.external_id, pay.fields.source_uri) == (
        "hr/pay.txt",
        "https://wiki.example.org/hr/pay.txt",
    )
    assert about.fields.source_uri == "https://wiki.example.org/hr/%C3%BCber%20uns.md"


async def test_nothing_of_the_machine_is_stored(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    await take(intake(own, caller), [folder / "hr", folder / "leave.md"])

    names = [
        (each.fields.external_id, each.fields.source_uri) for each in await all_stored(own, caller)
    ]
    assert sorted(names) == [("leave.md", "leave.md"), ("pay.txt", "pay.txt")]


async def test_only_what_changed_is_read_again(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    taking = intake(own, caller)
    first = await take(taking, [folder])

    second = await take(taking, [folder])
    write(folder, {"leave.md": "# Leave\n\n32 days.\n"})
    third = await take(taking, [folder])
    fourth = await take(
        intake(own, caller, replace(PAPERS, readers=Readers.of((), ["group:hr"]))), [folder]
    )

    assert changes(second) == {"hr/pay.txt": "unchanged", "leave.md": "unchanged"}
    assert changes(third) == {"hr/pay.txt": "unchanged", "leave.md": "changed"}
    assert changes(fourth) == {"hr/pay.txt": "changed", "leave.md": "changed"}
    leave = await stored(own, caller, third["leave.md"])
    assert (leave.version, leave.fields.principals) == (2, ("group:hr",))
    assert first["leave.md"].document_id == third["leave.md"].document_id
    assert len(await all_stored(own, caller)) == 2


async def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    await take(intake(own, caller), [folder / "leave.md"])
    before = await all_stored(own, caller)
    write(folder, {"empty.txt": "", "leave.md": "# Leave\n\n32 days.\n", "long.txt": "x" * 1001})

    outcomes = await take(intake(own, caller, is_dry=True), [folder])

    assert changes(outcomes) == {
        "empty.txt": "refused",
        "hr/pay.txt": "new",
        "leave.md": "changed",
        "long.txt": "refused",
    }
    assert [outcomes[name].error_code for name in ("empty.txt", "long.txt")] == [
        "document_empty",
        "upload_too_large",
    ]
    assert await all_stored(own, caller) == before


async def test_a_bad_file_spoils_no_other_and_says_what_to_do(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    write(
        folder,
        {"empty.txt": "", "line\nbreak.md": "A.", f"{'n' * 250}/{'n' * 250}/{'n' * 20}": "A."},
    )
    (folder / "secret.md").write_text("Closed.")
    (folder / "secret.md").chmod(0)

    outcomes = await take(intake(own, caller), [folder])

    refused = {name[:10]: each for name, each in outcomes.items() if each.change == "refused"}
    assert {name: each.error_code for name, each in refused.items()} == {
        "empty.txt": "document_empty",
        "line\nbreak": "invalid_request",
        "n" * 10: "invalid_request",
    }
    assert (
        refused["empty.txt"].remedy == "Upload a file with text; scans need text recognition first."
    )
    assert outcomes["leave.md"].status == outcomes["hr/pay.txt"].status == "ready"


async def test_a_run_that_was_cut_off_is_gone_on_with(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    """As if the process was killed when a file had been stored, but not yet read."""
    taking = intake(own, caller)
    [leave] = find_files([folder / "leave.md"])
    accepted = await taking.uploads.accept(
        caller.tenant_id,
        await taking.upload(leave),
        viewer=caller.managing_viewer,
        actor=caller.actor,
        now=own.tools.clock(),
    )

    outcomes = await take(taking, [folder])

    assert accepted.document.status == "pending"
    assert outcomes["leave.md"].document_id == accepted.document.id
    assert {each.status for each in outcomes.values()} == {"ready"}
    assert (await stored(own, caller, outcomes["leave.md"])).upload == 1


async def test_a_document_of_an_earlier_release_is_the_same_one_under_its_new_name(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    """Earlier ones called a document by the absolute path of its file."""
    taking = intake(own, caller)
    [leave] = find_files([folder / "leave.md"])
    upload = await taking.upload(leave)
    former = replace(
        upload.fields, external_id=leave.former_id, source_uri=Path(leave.former_id).as_uri()
    )
    accepted = await taking.uploads.accept(
        caller.tenant_id,
        replace(upload, fields=former),
        viewer=caller.managing_viewer,
        actor=caller.actor,
        now=own.tools.clock(),
    )

    first = await take(taking, [folder])
    second = await take(taking, [folder])

    assert first["leave.md"].document_id == accepted.document.id
    assert changes(second) == {"hr/pay.txt": "unchanged", "leave.md": "unchanged"}
    document = await stored(own, caller, second["leave.md"])
    assert (document.fields.external_id, document.fields.source_uri) == ("leave.md", "leave.md")
    assert len(await all_stored(own, caller)) == 2


def test_files_are_chosen_by_patterns(folder: Path) -> None:
    write(folder, {"hr/drafts/a.md": "", ".git/config.md": "", ".hidden.md": "", "hr/b.md": ""})
    (folder / "link.md").symlink_to(folder / "leave.md")

    def names(**patterns: Sequence[str]) -> list[str]:
        return [file.id for file in find_files([folder], **patterns)]

    assert names() == ["hr/b.md", "hr/drafts/a.md", "hr/pay.txt", "leave.md"]
    assert names(include=["*.md"]) == ["hr/b.md", "hr/drafts/a.md", "leave.md"]
    assert names(include=["*.md"], exclude=["hr/drafts/"]) == ["hr/b.md", "leave.md"]
    assert names(exclude=["hr/**"]) == ["leave.md"]


def test_two_files_of_one_name_are_refused(folder: Path) -> None:
    write(folder, {"it/pay.txt": "Another."})

    with pytest.raises(InvalidInput, match="would both be called"):
        find_files([folder / "hr", folder / "it"])

    assert len(find_files([folder / "hr", folder / "hr" / "pay.txt"])) == 1


RULES = b"""
[[rules]]
pattern = "hr/**"
principals = ["group:hr"]
"""


async def test_rules_and_sidecars_say_who_may_read(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    write(
        folder,
        {
            "plan.md": "# Plan\n\nWe grow.\n",
            "plan.md.footnote.toml": 'principals = ["user:ana"]\ntitle = "The plan"\n',
            "hr/bad.md": "Bad.",
            "hr/bad.md.footnote.json": "{",
        },
    )
    by_rules = replace(PAPERS, readers=Readers.of(parse_rule_file(RULES), []))

    outcomes = await take(intake(own, caller, by_rules), [folder])

    assert changes(outcomes) == {
        "hr/bad.md": "refused",
        "hr/pay.txt": "new",
        "leave.md": "refused",
        "plan.md": "new",
    }
    assert "who may read it" in str(outcomes["leave.md"].error)
    pay, plan = (
        await stored(own, caller, outcomes["hr/pay.txt"]),
        await stored(own, caller, outcomes["plan.md"]),
    )
    assert pay.fields.principals == ("group:hr",)
    assert (plan.fields.principals, plan.title) == (("user:ana",), "The plan")


async def test_a_sidecar_that_cannot_be_read_lets_nobody_read(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    """Whatever stands there may say who may not read the file."""
    (folder / "leave.md.footnote.toml").symlink_to(folder / "gone.toml")
    (folder / "hr" / "pay.txt.footnote.json").mkdir()
    write(
        folder,
        {
            "both.md": "Both.",
            "both.md.footnote.toml": 'principals = ["tenant:*"]',
            "both.md.footnote.json": '{"principals": ["user:ana"]}',
        },
    )

    outcomes = await take(intake(own, caller), [folder])

    assert changes(outcomes) == dict.fromkeys(["both.md", "hr/pay.txt", "leave.md"], "refused")
    assert await all_stored(own, caller) == []


async def test_a_name_too_long_for_a_sidecar_is_a_name(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    name = f"{'n' * 251}.md"
    write(folder, {name: "Open at nine."})

    outcomes = await take(intake(own, caller), [folder])

    assert changes(outcomes) == {"hr/pay.txt": "new", "leave.md": "new", name: "new"}


def test_what_is_neither_a_file_nor_a_folder_is_refused(tmp_path: Path) -> None:
    """Reading a pipe would wait for a writer for ever."""
    os.mkfifo(tmp_path / "pipe.md")

    with pytest.raises(InvalidInput, match="neither a file nor a folder"):
        find_files([tmp_path / "pipe.md"])


async def test_readers_are_taken_away_before_any_file_is_read(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    write(folder, {"plan.md": "We grow.", "list.md": "Names.", "open.md": "For Ana."})
    write(folder, {"open.md.footnote.toml": 'principals = ["user:ana"]'})
    before = await take(intake(own, caller), [folder])
    for name in ("plan.md", "list.md"):
        write(folder, {f"{name}.footnote.toml": 'principals = ["group:hr"]'})
    write(folder, {"plan.md": "", "list.md": "More names.", "open.md": "", "leave.md": "32 days."})
    write(folder, {"open.md.footnote.toml": 'principals = ["tenant:*"]'})

    def cut_off(_file: GivenFile) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await intake(own, caller).take_all(
            find_files([folder]), at_once=1, began=cut_off, ended=lambda _outcome: None
        )

    readers = {name: (await stored(own, caller, each)).fields for name, each in before.items()}
    assert {name: fields.principals for name, fields in readers.items()} == {
        "hr/pay.txt": (EVERYONE,),
        "leave.md": (EVERYONE,),
        "list.md": ("group:hr",),
        "open.md": ("user:ana",),
        "plan.md": ("group:hr",),
    }


async def test_a_worker_that_lives_reads_the_files(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    """Two that run the same job do it twice, and each other upload waits meanwhile."""
    app = build_queue_app(own.url, own.tools)
    working = asyncio.create_task(run_worker(app, concurrency=4, stalled_after=STALLED))
    await app.jobs.is_registered.wait()
    write(folder, {f"{number}.md": f"Number {number}." for number in range(6)})

    outcomes = await take(intake(own, caller), [folder])

    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    async with own.tools.database.tenant(caller.tenant_id, viewer=None) as scope:
        jobs = await list_jobs(scope, JobListing(), before=None, limit=100)
    assert {each.status for each in outcomes.values()} == {"ready"}
    assert [(each.status, each.attempts) for each in jobs] == [("succeeded", 1)] * 8


async def test_a_name_that_is_no_text_is_refused_alone(
    own: OwnDatabase, caller: Caller, folder: Path
) -> None:
    (folder / os.fsdecode(b"caf\xe9.md")).write_text("Open at nine.")

    outcomes = await take(intake(own, caller), [folder])

    refused = [each for each in outcomes.values() if each.change == "refused"]
    assert [each.error_code for each in refused] == ["invalid_request"]
    assert sorted(changes(outcomes).values()) == ["new", "new", "refused"]
