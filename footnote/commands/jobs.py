"""Background jobs from the command line: listed, run again, canceled."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from footnote.output import JsonOption, console, print_json
from kb.errors import InvalidInput, JobNotFound
from kb.store.choices import JOB_STATUSES, JobStatus
from kb.store.job_kinds import JOB_KINDS

if TYPE_CHECKING:
    from kb.store.job_control import Steer
    from kb.store.jobs import Job
    from kb.store.tenants import Tenant

MAX_LISTED = 10_000

AnyTenantOption = Annotated[
    str | None, typer.Option("--tenant", help="Name of the tenant; unset: all of them.")
]
JobArgument = Annotated[UUID, typer.Argument(help="The job's id.")]


def list_(
    status: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(JOB_STATUSES)}; unset: any.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(sorted(JOB_KINDS))}; unset: any.")
    ] = None,
    tenant: AnyTenantOption = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MAX_LISTED, help="Most jobs of a tenant to list.")
    ] = 50,
    as_json: JsonOption = False,
) -> None:
    """List background jobs, of each tenant the newest first."""
    from footnote.on_database import chosen_tenants, on_database
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.job_lists import JobListing, list_jobs

    listing = JobListing(status=_known_status(status), kind=_known_kind(kind))

    async def act(database: Database) -> "list[tuple[Tenant, Job]]":
        listed = []
        for each in await chosen_tenants(database, tenant):
            async with database.tenant(each.id, viewer=None) as scope:
                found = await list_jobs(scope, listing, before=None, limit=limit)
            listed += [(each, job) for job in found]
        return listed

    listed = on_database(Settings(), act)
    if as_json:
        print_json([_job_json(owner, job) for owner, job in listed])
        return
    for owner, job in listed:
        console.print(_line(owner, job))
    if not listed:
        console.print("There is no such job.")


def retry(job_id: JobArgument, tenant: AnyTenantOption = None, as_json: JsonOption = False) -> None:
    """Run a job again that failed or was canceled."""
    from kb.store.job_control import retry_job

    _steer(retry_job, job_id, tenant, as_json=as_json)


def cancel(
    job_id: JobArgument, tenant: AnyTenantOption = None, as_json: JsonOption = False
) -> None:
    """Cancel a job that waits or runs; what its document serves stays."""
    from kb.store.job_control import cancel_job

    _steer(cancel_job, job_id, tenant, as_json=as_json)


def _steer(steer: "Steer", job_id: UUID, tenant: str | None, *, as_json: bool) -> None:
    from footnote.on_database import COMMAND_LINE, chosen_tenants, on_database, utc_now
    from kb.ids import JobId
    from kb.postgres.database import Database, retried
    from kb.settings import Settings

    async def act(database: Database) -> "tuple[Tenant, Job]":
        for each in await chosen_tenants(database, tenant):

            async def transaction(owner: "Tenant" = each) -> "Job":
                async with database.tenant(owner.id, viewer=None) as scope:
                    return await steer(scope, JobId(job_id), actor=COMMAND_LINE, now=utc_now())

            try:
                return each, await retried(transaction)
            except JobNotFound:
                continue
        raise JobNotFound

    owner, job = on_database(Settings(), act)
    if as_json:
        print_json(_job_json(owner, job))
    else:
        console.print(_line(owner, job))


def _job_json(tenant: "Tenant", job: "Job") -> dict[str, object]:
    from app.http.jobs.present import job_out

    return {"tenant": tenant.name, **job_out(job).model_dump(mode="json")}


def _line(tenant: "Tenant", job: "Job") -> str:
    total = "?" if job.progress_total is None else job.progress_total
    error = f"  {job.error['message']} [{job.error['code']}]" if job.error else ""
    return (
        f"{job.id}  {tenant.name}  {job.kind}  {job.status}  "
        f"{job.progress_done}/{total} {job.progress_unit}  {job.attempts} attempts{error}"
    )


def _known_status(status: str | None) -> JobStatus | None:
    if status is None:
        return None
    for known in JOB_STATUSES:
        if status == known:
            return known
    raise InvalidInput(f"A job's status is one of {', '.join(JOB_STATUSES)}.")


def _known_kind(kind: str | None) -> str | None:
    if kind is not None and kind not in JOB_KINDS:
        raise InvalidInput(f"There are these kinds of job: {', '.join(sorted(JOB_KINDS))}.")
    return kind
