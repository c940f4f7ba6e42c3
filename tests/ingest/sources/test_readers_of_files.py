"""Readers of a source's files: lost at once, gained with the content, never by a fault."""

from io import BytesIO

import pytest
from reportlab.pdfgen import canvas

from ingest.sources.run import Place
from kb.errors import SourceRulesInvalid, SourceUnavailable, VersionNotFound
from kb.postgres.database import Viewer
from kb.store.sources import Rule
from kb.store.versions import list_versions, read_content
from tests.architecture.databases import values
from tests.ingest.sources.library import Library

ALL, ANA, HR, BOARD = "tenant:*", "user:ana", "group:hr", "group:board"


def pdf_of(text: str) -> bytes:
    written = BytesIO()
    page = canvas.Canvas(written)
    page.drawString(72, 700, text)
    page.save()
    return written.getvalue()


RULES = """
[[rules]]
pattern = "hr/**"
principals = ["group:hr"]
"""


async def test_the_first_rule_that_fits_names_the_readers(library: Library) -> None:
    library.write({"hr/a.md": "A.", "hr/b.md": "B.", "c.md": "C."})
    rules = (Rule(pattern="b.md", principals=(BOARD,)), Rule(pattern="hr/**", principals=(HR,)))
    await library.add(rules=rules, principals=(ALL,))

    await library.sync()

    assert await library.readers() == {"a.md": (HR,), "b.md": (BOARD,), "c.md": (ALL,)}


async def test_without_a_rule_and_without_principals_nothing_is_taken_in(library: Library) -> None:
    library.write({"hr/a.md": "A.", "c.md": "C."})
    await library.add(rules=(Rule(pattern="hr/**", principals=(HR,)),), principals=())

    report = await library.sync()

    assert [(each["item"], each["code"]) for each in report.failures] == [
        ("c.md", "item_without_rule")
    ]
    assert await library.readers() == {"a.md": (HR,)}


async def test_a_file_that_no_rule_fits_any_more_is_read_by_nobody(library: Library) -> None:
    library.write({"hr/a.md": "A."})
    await library.add(rules=(Rule(pattern="hr/**", principals=(HR,)),), principals=())
    await library.sync_and_ingest()
    await library.change(rules=(Rule(pattern="board/**", principals=(BOARD,)),))

    report = await library.sync()

    assert report.failed == 1
    assert await library.readers() == {"a.md": ()}


async def test_a_rule_file_counts_before_the_sources_own_rules(library: Library) -> None:
    library.write({"hr/a.md": "A.", "c.md": "C.", ".footnote-rules.toml": RULES})
    await library.add(rules=(Rule(pattern="**", principals=(BOARD,)),))

    report = await library.sync()

    assert report.seen == 2
    assert await library.readers() == {"a.md": (HR,), "c.md": (BOARD,)}


@pytest.mark.parametrize("content", [None, "rules = 7", "\xff", "[[rules]]\npattern = 'x'"])
async def test_a_rule_file_that_is_gone_or_malformed_changes_nothing(
    library: Library, content: str | None
) -> None:
    library.write({"hr/a.md": "A.", "c.md": "C.", ".footnote-rules.toml": RULES})
    await library.add()
    await library.sync_and_ingest()
    (library.folder / ".footnote-rules.toml").unlink()
    if content is not None:
        library.write({".footnote-rules.toml": content.encode("latin-1")})
    library.write({"hr/a.md": "Changed.", "hr/new.md": "New."})

    with pytest.raises(SourceRulesInvalid):
        await library.sync()

    assert await library.readers() == {"a.md": (HR,), "c.md": (ALL,)}
    assert (await library.documents())["a.md"].upload == 1
    run = (await library.source()).last_run
    assert run is not None
    assert (run["status"], (run["error"] or {})["code"]) == ("failed", "source_rules_invalid")


async def test_a_rule_file_that_is_a_link_does_not_pass_for_none(library: Library) -> None:
    library.write({"hr/a.md": "A.", "rules": RULES})
    (library.folder / ".footnote-rules.toml").symlink_to(library.folder / "rules")
    await library.add()

    with pytest.raises(SourceUnavailable):
        await library.sync()

    assert await library.documents() == {}


async def test_a_sidecar_that_is_a_link_does_not_pass_for_none(library: Library) -> None:
    library.write({"a.md": "A.", "shared": 'principals = ["group:hr"]'})
    (library.folder / "a.md.footnote.toml").symlink_to(library.folder / "shared")
    await library.add(include=("*.md",))

    report = await library.sync()

    assert [failure["code"] for failure in report.failures] == ["sidecar_invalid"]
    assert await library.documents() == {}


async def test_changed_readers_of_the_source_do_without_a_lost_rule_file(library: Library) -> None:
    library.write({"hr/a.md": "A.", ".footnote-rules.toml": RULES})
    await library.add()
    await library.sync_and_ingest()
    (library.folder / ".footnote-rules.toml").unlink()
    await library.change(principals=(BOARD,))

    await library.sync()

    assert await library.readers() == {"a.md": (BOARD,)}


async def test_a_sidecar_describes_its_file_and_is_no_document(library: Library) -> None:
    sidecar = '{"principals": ["group:hr"], "title": "Pay", "metadata": {"year": 2026}, '
    sidecar += '"expires_at": "2199-01-01T00:00:00Z"}'
    library.write({"a.md": "A.", "a.md.footnote.json": sidecar})
    await library.add()

    report = await library.sync()

    fields = (await library.documents())["a.md"].fields
    assert report.seen == 1
    assert (fields.principals, fields.title, fields.metadata) == ((HR,), "Pay", {"year": 2026})
    assert fields.expires_at is not None


CHANGED_FIELDS = """
    SELECT detail ->> 'fields' FROM audit_events
    WHERE tenant_id = '{tenant_id}' AND action = 'document.update'
"""


async def test_the_audit_trail_names_what_a_source_changes(library: Library) -> None:
    library.write({"a.md": "A.", "a.md.footnote.json": '{"title": "Pay"}'})
    await library.add()
    await library.sync_and_ingest()

    for sidecar in ('{"title": "Pay 2"}', '{"title": "Pay 2", "principals": ["group:hr"]}', "{}"):
        library.write({"a.md.footnote.json": sidecar})
        await library.sync()

    named = CHANGED_FIELDS.format(tenant_id=library.own.tenant_id)
    assert values(library.own.url, named) == {
        '["title"]',
        '["principals"]',
        '["principals", "title"]',
    }


async def test_a_changed_sidecar_is_applied_without_reading_the_file(library: Library) -> None:
    library.write({"a.md": "A.", "a.md.footnote.toml": 'title = "Old"'})
    await library.add()
    await library.sync_and_ingest()
    library.write({"a.md.footnote.toml": 'title = "New one"\nprincipals = ["group:hr"]'})

    report = await library.sync()

    document = (await library.documents())["a.md"]
    assert (report.unchanged, report.changed) == (1, 0)
    assert (document.fields.title, document.fields.principals) == ("New one", (HR,))
    assert document.upload == 1


@pytest.mark.parametrize(
    ("sidecar", "code"),
    [
        (None, "sidecar_missing"),
        ("principals = []", "sidecar_invalid"),
        ("principals = ['tenant:*']\nunknown = 1", "sidecar_invalid"),
        ("not toml", "sidecar_invalid"),
    ],
)
async def test_a_sidecar_that_is_gone_or_malformed_gives_nobody_a_right(
    library: Library, sidecar: str | None, code: str
) -> None:
    library.write({"a.md": "A.", "a.md.footnote.toml": 'principals = ["group:hr"]'})
    await library.add()
    await library.sync_and_ingest()
    (library.folder / "a.md.footnote.toml").unlink()
    if sidecar is not None:
        library.write({"a.md.footnote.toml": sidecar})
    library.write({"a.md": "Changed bytes."})

    report = await library.sync()
    again = await library.sync()

    document = (await library.documents())["a.md"]
    assert [failure["code"] for failure in report.failures] == [code]
    assert again.failures == report.failures
    assert (document.fields.principals, document.upload) == ((HR,), 1)


async def test_a_file_moved_away_from_its_sidecar_keeps_its_readers(library: Library) -> None:
    library.write({"a.md": "A.", "a.md.footnote.toml": 'principals = ["group:hr"]'})
    await library.add()
    await library.sync_and_ingest()
    (library.folder / "a.md").rename(library.folder / "b.md")

    report = await library.sync()
    again = await library.sync()

    assert report.renamed == 1
    assert await library.readers() == {"b.md": (HR,)}
    assert [failure["code"] for failure in again.failures] == ["sidecar_missing"]


async def test_readers_are_lost_before_a_file_is_read(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.write({"a.md": "A.", "b.md": "B."})
    await library.add(principals=(ANA, HR))
    await library.sync_and_ingest()
    await library.change(principals=(HR, BOARD))
    library.write({"a.md": "A new.", "b.md": "B new."})
    seen: list[dict[str, tuple[str, ...]]] = []
    read = Place.read

    async def look_and_read(self: Place, file: object) -> bytes:
        seen.append(await library.readers())
        return await read(self, file)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(Place, "read", look_and_read)

    await library.sync()

    assert seen[0] == {"a.md": (HR,), "b.md": (HR,)}


async def test_new_readers_never_see_the_old_version_nor_old_readers_the_new_one(
    library: Library,
) -> None:
    library.write({"a.md": "The old secret."})
    await library.add(principals=(ANA, HR))
    await library.sync_and_ingest()
    await library.change(principals=(HR, BOARD))
    library.write({"a.md": "The new text."})

    await library.sync()
    waiting = (await library.documents())["a.md"]
    await library.sync()
    still_waiting = (await library.documents())["a.md"]
    await library.own.work_until_empty()
    served = (await library.documents())["a.md"]

    assert (waiting.version, waiting.fields.principals) == (1, (HR,))
    assert waiting.waiting_principals == (BOARD, HR)
    assert (still_waiting.version, still_waiting.fields.principals) == (1, (HR,))
    assert (served.version, served.fields.principals) == (2, (BOARD, HR))
    assert served.waiting_principals is None


async def test_new_readers_do_not_get_the_old_version_by_its_number(library: Library) -> None:
    library.write({"a.md": "The old secret."})
    await library.add(principals=(HR,))
    await library.sync_and_ingest()
    document_id = (await library.documents())["a.md"].id
    await library.change(principals=(ALL,))
    library.write({"a.md": "The new text."})
    await library.sync_and_ingest()

    database, tenant_id = library.own.tools.database, library.own.tenant_id
    async with database.tenant(tenant_id, viewer=Viewer(principals=(ALL, ANA))) as scope:
        shown = await list_versions(scope, document_id, after=0, limit=9)
        with pytest.raises(VersionNotFound):
            await read_content(scope, document_id, 1)
    async with database.tenant(tenant_id, viewer=None) as scope:
        stored = await list_versions(scope, document_id, after=0, limit=9)
    assert [each.version for each in shown] == [2]
    assert [each.version for each in stored] == [1, 2]


async def test_readers_who_stay_keep_the_older_versions(library: Library) -> None:
    library.write({"a.md": "The old text."})
    await library.add(principals=(ANA, HR))
    await library.sync_and_ingest()
    document_id = (await library.documents())["a.md"].id
    await library.change(principals=(HR,))
    library.write({"a.md": "The new text."})
    await library.sync_and_ingest()

    database, tenant_id = library.own.tools.database, library.own.tenant_id
    async with database.tenant(tenant_id, viewer=Viewer(principals=(HR,))) as scope:
        shown = await list_versions(scope, document_id, after=0, limit=9)
    assert [each.version for each in shown] == [1, 2]


async def test_whoever_waited_and_lost_the_right_gets_nothing_when_it_is_served(
    library: Library,
) -> None:
    library.write({"a.md": "The old secret."})
    await library.add(principals=(HR,))
    await library.sync_and_ingest()
    await library.change(principals=(HR, BOARD))
    library.write({"a.md": "The new text."})
    await library.sync()
    await library.change(principals=(HR,))

    await library.sync()
    await library.own.work_until_empty()

    document = (await library.documents())["a.md"]
    assert (document.version, document.fields.principals) == (2, (HR,))


async def test_readers_that_somebody_confirms_by_hand_are_those_of_the_next_version(
    library: Library,
) -> None:
    library.write({"a.md": "The old secret."})
    await library.add(principals=(HR,))
    await library.sync_and_ingest()
    await library.change(principals=(HR, BOARD))
    library.write({"a.md": "The new text."})
    await library.sync()

    await library.widen((await library.documents())["a.md"], (HR,))
    await library.own.work_until_empty()

    document = (await library.documents())["a.md"]
    assert (document.version, document.fields.principals) == (2, (HR,))


async def test_an_upload_that_fails_opens_the_old_version_to_nobody(library: Library) -> None:
    library.write({"a.pdf": pdf_of("The old secret.")})
    await library.add(principals=(HR,))
    await library.sync_and_ingest()
    await library.change(principals=(ALL,))
    library.write({"a.pdf": b"%PDF-1.4\n" + b"damaged " * 20})

    await library.sync_and_ingest()
    await library.sync_and_ingest()

    document = (await library.documents())["a.pdf"]
    assert (document.version, document.upload) == (1, 2)
    assert document.error is not None
    assert document.fields.principals == (HR,)


async def test_rights_that_somebody_widened_by_hand_are_set_back(library: Library) -> None:
    library.write({"a.md": "A."})
    await library.add(principals=(HR,))
    await library.sync_and_ingest()
    await library.widen((await library.documents())["a.md"], (ALL, HR))

    report = await library.sync()

    assert report.unchanged == 1
    assert await library.readers() == {"a.md": (HR,)}


async def test_a_missing_file_loses_readers_too(library: Library) -> None:
    library.write({"a.md": "A.", "b.md": "B."})
    await library.add(principals=(ANA, HR))
    await library.sync_and_ingest()
    (library.folder / "a.md").unlink()
    await library.sync()
    await library.change(principals=(HR, BOARD))

    report = await library.sync()

    assert report.held == 1
    assert await library.readers() == {"a.md": (HR,), "b.md": (BOARD, HR)}
