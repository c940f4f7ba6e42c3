"""The receiver that the page on webhooks shows, given a real delivery."""

import asyncio
import re
import sys
from contextlib import aclosing
from datetime import UTC, datetime

from ingest.deliveries import WebhookTools, deliver_due
from kb.settings import Settings
from kb.store.webhook_deliveries import add_test_delivery, list_deliveries
from kb.store.webhooks import create_webhook, new_secret
from tests.architecture.test_documentation import text_of
from tests.fakes.receivers import HOST, LOCAL, outbound_client
from tests.footnote.own_database import own_database
from tests.footnote.processes import free_port

SHOWN_PORT = 9000


def shown_receiver(port: int) -> str:
    """The page's Python, on a free port."""
    (code,) = re.findall(
        r"^```python\n(.*?)^```", text_of("docs/how-to/webhooks.md"), flags=re.MULTILINE | re.DOTALL
    )
    assert str(SHOWN_PORT) in code
    return str(code).replace(str(SHOWN_PORT), str(port))


async def until_listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection(LOCAL, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def test_the_receiver_takes_what_its_secret_signed_and_refuses_the_rest(
    settings: Settings, database_url: str
) -> None:
    secret, port = new_secret(), free_port()
    receiver = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        shown_receiver(port),
        env={"WEBHOOK_SECRET": secret},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until_listening(port)
        files = f"file://{settings.home_path}/receiver"
        async with (
            own_database(database_url, files) as own,
            aclosing(outbound_client()) as client,
        ):
            tools = WebhookTools(
                database=own.tools.database,
                client=client,
                metrics=own.tools.metrics,
                clock=lambda: datetime.now(UTC),
                draw=lambda: 0.0,
            )
            statuses = []
            for signed_with in (secret, new_secret()):
                now = datetime.now(UTC)
                async with tools.database.tenant(own.tenant_id, viewer=None) as scope:
                    webhook = await create_webhook(
                        scope,
                        url=f"http://{HOST}:{port}/",
                        events=[],
                        secret=signed_with,
                        now=now,
                    )
                    await add_test_delivery(scope, webhook.id, now=now)
                await deliver_due(tools)
                async with tools.database.tenant(own.tenant_id, viewer=None) as scope:
                    [sent] = await list_deliveries(scope, webhook.id, before=None, limit=9)
                statuses.append(sent.attempts[0]["status_code"])
        assert receiver.stdout is not None
        printed = await receiver.stdout.readline()
    finally:
        receiver.kill()
        await receiver.wait()

    assert statuses == [204, 401]
    assert printed == b"webhook.test {}\n"
