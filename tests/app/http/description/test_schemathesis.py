"""The service does what its description says, whatever schemathesis makes of that."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from kb.store.choices import SCOPES
from tests.fakes.receivers import outbound_client
from tests.service import Person, Service

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[4]

OPERATIONS_OF_THE_SHORT_RUN = ("documents.list", "documents.update", "search.run")
"""A list, a change, and a filter: coverage takes hundreds of requests for each operation."""


@pytest.fixture
async def ana(service: Service) -> AsyncIterator[Person]:
    """Somebody who may do everything, at a service without limits of its own."""
    limits = replace(service.resources.request_limits, rate_per_minute=0, max_top_k=1000)
    async with aclosing(outbound_client()) as outbound:
        resources = replace(service.resources, request_limits=limits, outbound=outbound)
        async with service.with_resources(resources) as unlimited:
            person = await unlimited.person(await unlimited.new_tenant(), "user:ana", scopes=SCOPES)
            # Made on the first request; schemathesis waits for it no longer than ten seconds.
            await unlimited.http.get("/openapi.json")
            await person.upload("# Leave\n\nParental leave is 16 weeks at full pay.")
            yield person


async def run(ana: Person, *options: str) -> tuple[int, str]:
    """Exit code and report of schemathesis."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        f"--config-file={HERE / 'schemathesis.toml'}",
        "--no-color",
        "run",
        f"{ana.service.http.base_url}/openapi.json",
        f"--header=Authorization: Bearer {ana.key}",
        "--continue-on-failure",
        *options,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_every_example_works(ana: Person) -> None:
    code, report = await run(ana, "--phases=examples")

    assert code == 0, report


async def test_a_few_operations_do_what_they_say(ana: Person) -> None:
    chosen = [f"--include-operation-id={each}" for each in OPERATIONS_OF_THE_SHORT_RUN]

    code, report = await run(ana, "--phases=coverage,fuzzing,stateful", "--max-examples=5", *chosen)

    assert code == 0, report


@pytest.mark.slow
async def test_all_operations_do_what_they_say(ana: Person) -> None:
    code, report = await run(
        ana, "--phases=examples,coverage,fuzzing,stateful", "--max-examples=50"
    )

    assert code == 0, report
