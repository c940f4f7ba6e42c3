"""The README's snippets, run in order against the real service: what it shows is printed."""

import asyncio
import io
import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from footnote_client import Client
from tests.architecture.source import ROOT
from tests.clients.conftest import new_person, url_of
from tests.service import Person, Service

README = (ROOT / "clients/python/README.md").read_text(encoding="utf-8")
SNIPPET = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```\n(?P<printed>.*?)^```\n)?",
    flags=re.MULTILINE | re.DOTALL,
)
SAMPLE = ROOT / "footnote/samples/documents/travel-policy-2025.docx"


def run_snippets(url: str) -> list[tuple[str, str]]:
    """What each snippet shows and what it prints, one after the other in one namespace."""
    names: dict[str, object] = {}
    printed = []
    try:
        for snippet in SNIPPET.finditer(README):
            output = io.StringIO()
            code = snippet["code"].replace("http://127.0.0.1:8000", url)
            # Not by redirecting: the service, in this process too, may write its log there.
            names["print"] = partial(print, file=output)
            exec(compile(code, "README.md", "exec"), names)  # noqa: S102  # our own
            shown = re.sub(r"request [\w-]{36}", "request ...", output.getvalue())
            printed.append((snippet["printed"] or "", shown))
    finally:
        for value in names.values():
            if isinstance(value, Client):
                value.close()
    return printed


async def run_queued_jobs(person: Person) -> None:
    """What a worker does with the jobs of a tenant."""
    listed = await person.request("GET", "/v1/jobs?status=queued")
    for job in listed.json()["data"]:
        await person.service.run_job(person.tenant_id, job["id"])


async def test_the_snippets_print_what_the_readme_shows(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await new_person(service)
    shutil.copy(SAMPLE, tmp_path / "travel-policy.docx")
    (tmp_path / "wiki" / "lunch").mkdir(parents=True)
    (tmp_path / "wiki" / "leave.md").write_text("Parental leave is 24 weeks.")
    (tmp_path / "wiki" / "empty.md").write_text("")
    (tmp_path / "wiki" / "lunch" / "menu.md").write_text("Lunch is at noon.")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", person.key)

    reading = asyncio.create_task(asyncio.to_thread(run_snippets, url_of(service)))
    while not reading.done():
        await run_queued_jobs(person)
        await asyncio.wait({reading}, timeout=0.05)

    snippets = await reading
    assert [printed for _, printed in snippets] == [shown for shown, _ in snippets]
