"""`footnote doctor consistency`: whether everything that is stored agrees with itself."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

import typer

from footnote.on_database import COMMAND_LINE, chosen_tenants, on_database, utc_now
from footnote.output import console, print_json
from kb.consistency import Checker, Finding, TenantReport
from kb.files import FileStore
from kb.index.sketches.sketch_files import SketchFiles
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.reindex_runs import Asked, begin_run
from kb.store.stored_files import discard_unneeded
from kb.store.tenants import Tenant

FILES_AT_ONCE = 10_000
IN_FILES = frozenset({"files_without_document", "half_written_files"})
IN_POSTINGS = frozenset(
    {"damaged_index", "postings_without_chunk", "chunks_without_posting", "chunks_posted_twice"}
)
IN_SKETCHES = frozenset(
    {"sketches_without_chunk", "chunks_without_sketch", "chunks_sketched_twice"}
)

REMEDY_BY_FINDING = {
    "documents_of_one_name": "Delete the older one of the two.",
    "documents_without_bytes": "Upload the document again: nobody else has its file.",
    "queued_without_job": "Nothing: a worker takes it out of the queue.",
}
REPAIR = "Run 'footnote doctor consistency --repair'."
"""Of every other finding."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A tenant, its report, and what was begun to mend it."""

    tenant: Tenant
    report: TenantReport
    repairs: tuple[str, ...] = ()


def check_consistency(
    tenant: str | None, *, settled_seconds: int, is_repaired: bool, as_json: bool
) -> None:
    """Prints the findings of a tenant, or of all; exit 1 when there are any."""
    settings = Settings()
    checker_settled = timedelta(seconds=settled_seconds)

    async def act(database: Database) -> list[Checked]:
        checker = Checker(
            database=database,
            files=FileStore(settings.effective_file_store_url),
            lexical_folder=settings.home_path / "lexical",
            sketches=SketchFiles(settings.home_path / "sketches"),
            settled_before=utc_now() - checker_settled,
        )
        checked = [
            Checked(tenant=each, report=await checker.check(each.id))
            for each in await chosen_tenants(database, tenant)
        ]
        if not is_repaired:
            return checked
        return [await _repair(checker, each) for each in checked]

    checked = on_database(settings, act)
    if as_json:
        print_json(_json_of(checked))
    else:
        for each in checked:
            _show(each)
    if any(each.report.findings for each in checked):
        raise typer.Exit(1)


async def _repair(checker: Checker, checked: Checked) -> Checked:
    """Deletes files that nothing names and indexes that differ; a worker mends the rest."""
    names = {finding.name for finding in checked.report.findings}
    tenant_id, repairs = checked.tenant.id, list[str]()
    if names & IN_FILES:
        count = await discard_unneeded(
            checker.database,
            checker.files,
            tenant_id,
            before=checker.settled_before,
            limit=FILES_AT_ONCE,
        )
        repairs.append(f"{count} files deleted")
    if names & IN_POSTINGS:
        # Processes that have it open see that it is gone, and build it anew.
        shutil.rmtree(checker.lexical_folder / str(tenant_id))
        repairs.append("the lexical index deleted: the next search builds it")
    if names & IN_SKETCHES:
        checker.sketches.remove(tenant_id)
        repairs.append("the sketches deleted: the next search makes them")
    if names - IN_FILES - IN_POSTINGS - IN_SKETCHES - REMEDY_BY_FINDING.keys():
        async with checker.database.tenant(tenant_id, viewer=None) as scope:
            run_id = await begin_run(scope, Asked(), trigger="cli", owner=COMMAND_LINE.name)
        repairs.append(f"re-index {run_id} queued: a worker mends rows and vectors")
    return replace(checked, repairs=tuple(repairs))


def _json_of(checked: Sequence[Checked]) -> dict[str, object]:
    return {
        "ok": not any(each.report.findings for each in checked),
        "tenants": [
            {
                "id": str(each.tenant.id),
                "name": each.tenant.name,
                "documents": each.report.documents,
                "chunks": each.report.chunks,
                "lexical_index": each.report.lexical,
                "findings": [
                    {**asdict(finding), "remedy": _remedy(finding)}
                    for finding in each.report.findings
                ],
                "repairs": list(each.repairs),
            }
            for each in checked
        ],
    }


def _show(checked: Checked) -> None:
    report = checked.report
    console.print(
        f"{checked.tenant.name}: {report.documents} documents, {report.chunks} chunks; lexical "
        f"index: {report.lexical}; {len(report.findings) or 'no'} kinds of fault",
    )
    for finding in report.findings:
        examples = ", ".join(finding.examples)
        console.print(f"  {finding.name}: {finding.count}, such as {examples}")
        console.print(f"      {_remedy(finding)}")
    for repair in checked.repairs:
        console.print(f"  {repair}")


def _remedy(finding: Finding) -> str:
    return REMEDY_BY_FINDING.get(finding.name, REPAIR)
