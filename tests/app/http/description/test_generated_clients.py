"""Clients that others generate from the API's description work against the service."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from app.http.api_description import operations_of
from tests.service import Person, Service

PACKAGE = "footnote_api_of_a_test"
QUOTE = "Parental leave is 16 weeks at full pay."
QUESTION = "How long is parental leave?"

Generated: TypeAlias = Any
"""Of modules that do not exist before the test."""

NPM_PACKAGES = ("openapi-typescript@7.10.1", "typescript@5.9.3")
"""What generates types of TypeScript, and what checks a program that uses them."""

NPX_SECONDS = 300
"""The first time it fetches the packages."""

PROGRAM = """
import type { components, operations, paths } from "./api";

type Upload = operations["documents.create"]["requestBody"]["content"]["application/json"];
const upload: Upload = {
  text: "A note.", external_id: "note", metadata: { team: "hr" },
};

type Refused = operations["documents.create"]["responses"][422];
declare const refused: Refused;
const code: string = refused.content["application/problem+json"].code;

type Event = components["schemas"]["AnswerStreamEvent"];
function last(event: Event): boolean {
  switch (event.event) {
    case "answer.completed":
    case "error":
      return true;
    case "answer.created":
    case "retrieval.completed":
    case "claim.verified":
    case "claim.rejected":
      return false;
  }
}

const question: paths["/v1/answers"]["post"]["requestBody"]["content"]["application/json"] = {
  question: "How long is leave?", stream: true,
};
// @ts-expect-error: a misspelt field is found before it is sent
const misspelt: typeof question = { ...question, colections: ["default"] };

export { code, last, misspelt, question, upload };
"""


@pytest.fixture(scope="module")
def description(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description as a file."""
    path = tmp_path_factory.mktemp("description") / "openapi.json"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def client(description: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package that openapi-python-client makes of it."""
    folder = tmp_path_factory.mktemp("client")
    config = Config.from_sources(
        # Without its calls of ruff: nobody reads what is made here.
        config_file=ConfigFile(post_hooks=[]),
        meta_type=MetaType.NONE,
        document_source=description,
        file_encoding="utf-8",
        overwrite=True,
        output_path=folder / PACKAGE,
    )
    assert [(fault.header, fault.detail) for fault in generate(config=config)] == []
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(folder))
        yield import_module(PACKAGE)


def operation(name: str) -> Generated:
    return import_module(f"{PACKAGE}.api.{name}").asyncio_detailed


def model(name: str) -> Generated:
    return getattr(import_module(f"{PACKAGE}.models"), name)


async def wait_for(ana: Person, accepted: Generated, caller: Generated) -> Generated:
    """The job when it has ended, while a worker runs it."""
    running = asyncio.create_task(ana.service.run_job(ana.tenant_id, str(accepted.job.id)))
    waited = await operation("jobs.jobs_get")(accepted.job.id, client=caller, wait=60.0)
    await running
    return waited.parsed


async def test_python_uploads_waits_and_asks(service: Service, client: ModuleType) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    types = import_module(f"{PACKAGE}.types")
    async with client.AuthenticatedClient(str(service.http.base_url), token=ana.key) as caller:
        create = operation("documents.documents_create")
        text = model("DocumentCreate")(text="Lunch is at noon.", external_id="lunch")
        file = types.File(payload=f"# Leave\n\n{QUOTE}".encode(), file_name="leave.md")
        metadata = model("DocumentFormMetadata").from_dict({"team": "hr"})
        form = model("DocumentForm")(
            file=file, title="Handbook", metadata=metadata, principals=["user:ana", "group:hr"]
        )
        as_json = await create(client=caller, body=text)
        as_form = await create(client=caller, body=form)
        jobs = [await wait_for(ana, each.parsed, caller) for each in (as_json, as_form)]
        document = as_form.parsed.document
        asked = model("AnswerRequest")(question=QUESTION)
        answer = (await operation("answers.answers_create")(client=caller, body=asked)).parsed

    assert [each.status_code for each in (as_json, as_form)] == [202, 202]
    assert [job.status for job in jobs] == ["succeeded", "succeeded"]
    assert document.title == "Handbook"
    assert document.metadata.to_dict() == {"team": "hr"}
    assert document.principals == ["group:hr", "user:ana"]
    assert answer.status == "answered"
    assert [citation.quote for citation in answer.citations] == [QUOTE]
    assert answer.citations[0].document_id == document.id


async def test_python_gets_typed_problems(service: Service, client: ModuleType) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    url = str(service.http.base_url)
    ask, question = operation("answers.answers_create"), model("AnswerRequest")
    async with (
        client.AuthenticatedClient(url, token="fn_unknown") as stranger,
        client.AuthenticatedClient(url, token=ana.key) as caller,
    ):
        unknown = await ask(client=stranger, body=question(question=QUESTION))
        invalid = await ask(client=caller, body=question(question=" "))
        chat = await operation("openai.models_get")("footnote/none", client=caller)

    assert (unknown.status_code, invalid.status_code, chat.status_code) == (401, 422, 404)
    assert isinstance(unknown.parsed, model("Problem"))
    assert unknown.parsed.code == "credential_invalid"
    assert isinstance(invalid.parsed, model("Problem"))
    assert invalid.parsed.code == "invalid_request"
    assert [fault.loc for fault in invalid.parsed.errors] == [["body", "question"]]
    assert isinstance(chat.parsed, model("ChatErrorBody"))
    assert chat.parsed.error.code == "not_found"


def test_python_has_one_class_for_each_body(client: ModuleType, document: dict[str, Any]) -> None:
    names = {
        content["schema"]["$ref"].rpartition("/")[2]
        for _, _, described in operations_of(document)
        for content in described.get("requestBody", {}).get("content", {}).values()
    }

    assert len(names) > 10
    assert [name for name in names if not hasattr(model(name), "from_dict")] == []


async def run(folder: Path, *command: str) -> tuple[int, str]:
    """Exit code and output of a command that npx runs."""
    packages = [part for name in NPM_PACKAGES for part in ("--package", name)]
    process = await asyncio.create_subprocess_exec(
        "npx",
        "--yes",
        *packages,
        "--",
        *command,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(NPX_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_typescript_accepts_a_program_that_uses_the_types(
    description: Path, tmp_path: Path
) -> None:
    if shutil.which("npx") is None:
        pytest.skip("there is no npx")
    code, output = await run(tmp_path, "tsc", "--version")
    if code != 0:
        pytest.skip(f"npx cannot fetch its packages: {output[-300:]}")
    (tmp_path / "program.ts").write_text(PROGRAM)

    # Else every field with a default would have to be sent.
    flag = "--default-non-nullable=false"
    generated = await run(tmp_path, "openapi-typescript", str(description), flag, "-o", "api.d.ts")
    checked = await run(tmp_path, "tsc", "--noEmit", "--strict", "--skipLibCheck", "program.ts")

    assert generated[0] == 0, generated[1]
    assert checked == (0, "")
