"""The commands of the pages, run against a real service; what a page shows is what comes back."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.gateway.config import read_gateway_config
from app.policy.tenant_policy import load_policies
from kb.store.choices import SCOPES
from tests.architecture.test_documentation import DOCUMENTS, text_of
from tests.footnote.processes import ROOT
from tests.service import Service

pytestmark = pytest.mark.end_to_end

NOT_RUN = {
    "docs/how-to/evaluate.md": "takes data sets and hours",
    "README.md": "walked from a clone by tests/doorstep",
    "docs/quickstart.md": "walked from a clone by tests/doorstep",
}
"""Elsewhere every block that says it is bash is run; other blocks are only parsed."""

BLOCK = re.compile(
    r"^```bash\n(?P<commands>.*?)^```\n"
    r"(?:\n(?:The response, shortened:\n\n)?```json\n(?P<shown>.*?)^```)?",
    flags=re.MULTILINE | re.DOTALL,
)
SAMPLE = Path("footnote/samples/documents/travel-policy-2025.docx")
PAGES = [
    name for name in DOCUMENTS if name not in NOT_RUN and BLOCK.search(text_of(name)) is not None
]


def blocks(page: str) -> Iterator[tuple[str, object]]:
    """Commands and the JSON that the page shows for them, None where it shows none."""
    for block in BLOCK.finditer(text_of(page)):
        # What has dots is for the reader to fill in.
        if "=..." not in block["commands"] and not re.search(r"_\.\.\.|-\.\.\.", block["commands"]):
            yield block["commands"], json.loads(block["shown"]) if block["shown"] else None


async def run_bash(commands: str, environment: Mapping[str, str]) -> str:
    """The standard output of the commands, each of which must succeed."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        commands,
        cwd=ROOT,
        env={**os.environ, **environment},  # noqa: TID251  # handed on, not read
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, f"{commands}\n{stdout.decode()}\n{stderr.decode()}"
    return stdout.decode()


def check_shown(shown: object, returned: object) -> None:
    """Fails unless all that the page shows came back; a shortened object may lack fields."""
    match shown, returned:
        case dict(), dict():
            for name, value in shown.items():
                check_shown(value, returned[name])
        case list(), list():
            assert len(shown) == len(returned)
            for one, other in zip(shown, returned, strict=True):
                check_shown(one, other)
        case _:
            assert shown == returned


@pytest.fixture
def shell(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Variables by which `footnote` is found and curl fails when the service refuses."""
    (tmp_path / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")
    scripts = Path(sys.executable).parent
    footnote = tmp_path / "footnote"
    footnote.write_text(f'#!/bin/sh\nexec {sys.executable} -m footnote "$@"\n')
    footnote.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(scripts), os.defpath])
    return {**environment, "CURL_HOME": str(tmp_path), "PATH": path}


@pytest.mark.parametrize("page", PAGES)
async def test_what_a_page_shows_is_what_comes_back(
    page: str, service: Service, shell: dict[str, str]
) -> None:
    tenant_id = await service.new_tenant()
    person = await service.person(tenant_id, "user:author", scopes=SCOPES)
    if SAMPLE.name not in text_of(page):
        await person.upload((ROOT / SAMPLE).read_bytes(), SAMPLE.name, principals=["tenant:*"])
    variables = {**shell, "KEY": person.key}
    name_of_tenant = f"acme-{uuid4()}"

    for commands, shown in blocks(page):
        ours = commands.replace("http://127.0.0.1:8000", str(service.http.base_url).rstrip("/"))
        stdout = await run_bash(re.sub(r"\bacme\b", name_of_tenant, ours), variables)
        if "curl " in commands and not re.search(r"curl -[Ni]\b", commands):
            returned = json.loads(stdout)
            if shown is not None:
                check_shown(shown, returned)
            if returned.get("job"):
                variables["JOB"] = returned["job"]["id"]
                await service.run_job(tenant_id, variables["JOB"])
        else:
            assert "error" not in stdout


def shown_toml(page: str) -> str:
    (example,) = re.findall(r"^```toml\n(.*?)^```", text_of(page), flags=re.MULTILINE | re.DOTALL)
    return str(example)


def test_the_policy_that_is_shown_fits_the_gateway_that_is_shown(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(shown_toml("docs/how-to/set-policies.md"))

    policies = load_policies(tmp_path / "policy.toml")
    gateway = read_gateway_config(shown_toml("docs/how-to/use-language-models.md"), policies)

    assert policies.default.blocked_topics == ("payroll disputes",)
    (tenant_id,) = policies.tenants
    assert gateway.access_of(tenant_id).dollars_per_day == 20
    assert gateway.access_of(UUID(int=1)).dollars_per_request == Decimal("0.25")
