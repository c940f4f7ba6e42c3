"""`footnote job`: background jobs listed, run again and canceled by whoever runs the service."""

import json
from uuid import uuid4

from kb.store.tenants import create_tenant
from tests.footnote.processes import run_here
from tests.service import Person, Service


async def waiting_job(service: Service, name: str) -> tuple[Person, str]:
    """Somebody of a new tenant, and the id of a job of theirs that waits."""
    async with service.resources.database.system() as system:
        tenant = await create_tenant(system, name)
    ana = await service.person(tenant.id, "user:ana")
    created = (await ana.post_file("[bold]Waits[/bold].")).json()
    return ana, str(created["job"]["id"])


async def test_jobs_are_listed_canceled_and_run_again(
    service: Service, environment: dict[str, str]
) -> None:
    name = f"[red]acme[/red] {uuid4()}"
    ana, job_id = await waiting_job(service, name)

    listed = await run_here("job", "list", "--tenant", name, "--json", environment=environment)
    canceled = await run_here("job", "cancel", job_id, "--json", environment=environment)
    for_people = await run_here("job", "list", "--tenant", name, environment=environment)
    retried = await run_here("job", "retry", job_id, "--json", environment=environment)

    [job] = json.loads(listed.stdout)
    assert job == {"tenant": name, **(await ana.request("GET", f"/v1/jobs/{job_id}")).json()}
    assert json.loads(canceled.stdout) == {**job, "status": "canceled"}
    assert for_people.stdout == f"{job_id}  {name}  ingest  canceled  0/? chunks  0 attempts\n"
    assert json.loads(retried.stdout) == job


async def test_jobs_are_listed_by_status(service: Service, environment: dict[str, str]) -> None:
    name = f"acme {uuid4()}"
    _, job_id = await waiting_job(service, name)

    async def ids(*arguments: str) -> list[str]:
        listed = await run_here("job", "list", "--json", *arguments, environment=environment)
        assert listed.exit_code == 0, listed.stderr
        return [job["id"] for job in json.loads(listed.stdout) if job["tenant"] == name]

    assert await ids("--status", "queued", "--limit", "10000") == [job_id]
    assert await ids("--status", "failed", "--tenant", name) == []


async def test_what_cannot_be_done_is_one_line(
    service: Service, environment: dict[str, str]
) -> None:
    ana, job_id = await waiting_job(service, f"acme {uuid4()}")
    await ana.service.run_job(ana.tenant_id, job_id)

    for arguments, code in [
        (("cancel", job_id), "job_finished"),
        (("retry", job_id), "job_finished"),
        (("retry", str(uuid4())), "job_not_found"),
        (("list", "--status", "done"), "invalid_request"),
        (("list", "--kind", "cooking"), "invalid_request"),
        (("list", "--tenant", "nobody"), "tenant_not_found"),
    ]:
        result = await run_here("job", *arguments, environment=environment)
        assert (result.exit_code, result.stdout) == (1, "")
        [line] = result.stderr.splitlines()
        assert f"[{code}]" in line
