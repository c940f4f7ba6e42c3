"""`footnote webhook`: made, listed, tested and removed."""

import json
from uuid import uuid4

from tests.footnote.processes import Finished, run_here

PUBLIC = "https://8.8.8.8/hook"


async def run(environment: dict[str, str], *words: str) -> Finished:
    return await run_here("webhook", *words, environment=environment)


async def new_tenant(environment: dict[str, str]) -> str:
    name = f"hooks-{uuid4()}"
    created = await run_here("tenant", "create", name, environment=environment)
    assert created.exit_code == 0
    return name


async def test_a_webhook_has_its_life_on_the_command_line(environment: dict[str, str]) -> None:
    tenant = await new_tenant(environment)

    added = await run(
        environment, "add", PUBLIC, "--tenant", tenant, "--events", "job.finished", "--json"
    )
    webhook = json.loads(added.stdout)
    sent = await run(environment, "test", webhook["id"], "--tenant", tenant, "--json")
    listed = await run(environment, "list", "--tenant", tenant, "--json")
    deliveries = await run(environment, "deliveries", webhook["id"], "--tenant", tenant, "--json")
    removed = await run(environment, "remove", webhook["id"], "--tenant", tenant)
    after = await run(environment, "list", "--tenant", tenant, "--json")

    secret = webhook.pop("secret")
    assert secret.startswith("whsec_")
    assert json.loads(listed.stdout) == [webhook]
    assert webhook["events"] == ["job.finished"]
    assert json.loads(deliveries.stdout) == [json.loads(sent.stdout)]
    assert removed.exit_code == 0
    assert json.loads(after.stdout) == []


async def test_what_cannot_be_added_is_told_in_one_line(environment: dict[str, str]) -> None:
    tenant = await new_tenant(environment)

    private = await run(environment, "add", "http://127.0.0.1/", "--tenant", tenant)
    unknown = await run(environment, "add", PUBLIC, "--tenant", tenant, "--events", "job.done")
    elsewhere = await run(environment, "remove", str(uuid4()), "--tenant", tenant)

    for finished, code in (
        (private, "outbound_refused"),
        (unknown, "invalid_request"),
        (elsewhere, "webhook_not_found"),
    ):
        assert finished.exit_code == 1
        [line] = finished.stderr.splitlines()
        assert f"[{code}]" in line
