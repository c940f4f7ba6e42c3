"""Counts of what one search and one answer run through, and of how much code there is.

A function is one with a name: no lambda, comprehension, generator expression, class or module body,
and nothing that a library generates. A name holds the question when it is a parameter or local that
equals its text as a function is entered, goes on, waits or returns; what is bound and unbound
between two of these is missed. A field is one of an object of ours that a parameter or local names.
"""

import ast
import contextlib
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final
from uuid import uuid4

from httpx import ASGITransport, AsyncClient

from app.http.main import build_app
from evals.bench.footnote_process import CHECKOUT, BenchmarkFailed, Instance
from evals.bench.record import Outcome
from footnote.compose import open_resources
from footnote.compose_ingestion import open_ingestion
from footnote.evals.proof.cases import ProofCase
from footnote.evals.proof.scripted import WRITER, scripted_models
from footnote.samples.manifest import DOCUMENTS_FOLDER
from ingest.worker import build_queue_app, run_worker
from kb.logs import configure_logging
from kb.postgres.embedded_postgres import database_url
from kb.settings import Settings
from kb.store.credentials import create_key
from kb.store.tenants import create_tenant
from migrations.run import upgrade

PRODUCT: Final = ("app", "ingest", "kb", "language", "models", "footnote")
"""The packages whose functions are counted."""

ROUTES: Final = "app.http.answers.routes"
"""The routes of answers; what they import is counted."""

SCOPES: Final = ("documents:write", "search", "answers")
DOCUMENTS: Final = ("employee-handbook.pdf", "it-security-rules.md", "spare-parts-prices.xlsx")
WARM_UP: Final = "How many days of annual leave does every full-time employee have?"
QUESTION: Final = "How many weeks of parental leave do employees receive?"
"""Of the same kind as the warm-up, whose own text would be remembered and not be read again."""

CASE: Final = ProofCase(
    id="walk",
    origin="truths",
    is_true=True,
    kind="rewording",
    language="en",
    document=DOCUMENTS[0],
    is_table=False,
    question=QUESTION,
    quote="18 weeks of parental leave",
    claim="Employees receive 18 weeks of parental leave.",
)

PRINT_WALK: Final = (
    "import asyncio, json; from evals.bench.walk import walk; "
    "print(json.dumps(asyncio.run(walk())))"
)
"""In a process of its own, where nothing was cached and no thread runs without the recorder."""

PRINT_IMPORTED: Final = (
    f"import json, sys; before = set(sys.modules); import {ROUTES}; "
    "print(json.dumps(sorted(set(sys.modules) - before)))"
)


class Recorder:
    """A profile function of all threads; notes what runs of the product while it is on."""

    def __init__(self) -> None:
        """Off. Threads that start from now on have it, those of executors too."""
        self._folders = tuple(f"{CHECKOUT / package}{os.sep}" for package in PRODUCT)
        self._is_on = False
        threading.setprofile(self)

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Starts from nothing; this thread is profiled within the block only."""
        self._functions: set[tuple[str, str, int]] = set()
        self._names: set[tuple[str, str, str, str]] = set()
        self._chain: list[str] = []
        self._is_on = True
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(None)
            self._is_on = False

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Notes a function that is entered, goes on, waits or returns."""
        if self._is_on and not event.startswith("c_") and self._is_ours(frame):
            file, function, line = _place(frame)
            self._functions.add((file, function, line))
            self._names.update((file, function, *each) for each in _names_with_question(frame))
            chain = list(self._streams_below(frame))
            if len(chain) > len(self._chain):
                self._chain = chain[::-1]

    def _is_ours(self, frame: FrameType) -> bool:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        return file.startswith(self._folders) and not name.startswith("<")

    def _streams_below(self, frame: FrameType | None) -> Iterator[str]:
        """Our async generators on the stack, without those of context managers."""
        while frame is not None:
            below = frame.f_back
            is_context = below is not None and below.f_code.co_filename == contextlib.__file__
            is_stream = frame.f_code.co_flags & inspect.CO_ASYNC_GENERATOR and not is_context
            if is_stream and self._is_ours(frame):
                yield "{}:{}:{}".format(*_place(frame))
            frame = below

    def counts(self) -> dict[str, object]:
        """The counts, ready for JSON."""
        names = [each for each in self._names if each[2] != "field"]
        parameters = [each for each in names if each[2] == "parameter"]
        return {
            "files": len({file for file, _, _ in self._functions}),
            "functions": len(self._functions),
            "parameters_with_question": _distinct(parameters),
            "names_with_question": _distinct(names),
            "names_and_fields_with_question": _distinct(self._names),
            "nested_async_generators": len(self._chain),
            "deepest_chain": self._chain,
        }


def _place(frame: FrameType) -> tuple[str, str, int]:
    """File, function and first line."""
    code = frame.f_code
    return str(Path(code.co_filename).relative_to(CHECKOUT)), code.co_qualname, code.co_firstlineno


def _names_with_question(frame: FrameType) -> Iterator[tuple[str, str]]:
    """The kind and name of each parameter, local and field that equals the question."""
    parameters = inspect.getargs(frame.f_code).args
    for name, value in frame.f_locals.items():
        if type(value) is str and value == QUESTION:
            yield "parameter" if name in parameters else "local", name
        elif type(value).__module__.partition(".")[0] in PRODUCT:
            fields = dict(getattr(value, "__dict__", {}))
            texts = {key: text for key, text in fields.items() if type(text) is str}
            yield from (("field", key) for key, text in texts.items() if text == QUESTION)


def _distinct(found: Collection[tuple[str, str, str, str]]) -> dict[str, int]:
    return {
        "name": len({name for _, _, _, name in found}),
        "file_and_name": len({(file, name) for file, _, _, name in found}),
        "function_and_name": len({(file, function, name) for file, function, _, name in found}),
    }


async def walk() -> dict[str, object]:
    """The counts of each request, with the settings of this process."""
    recorder = Recorder()
    configure_logging("error")
    settings = Settings()
    with scripted_models() as models, database_url(settings) as url:
        upgrade(url)
        models.put(CASE)
        by_model = {"llm_base_url": models.base_url, "llm_model": WRITER}
        async with _serving_documents(settings, url) as http:
            search = await _ask(http, recorder, "/v1/search", "query")
            answer = await _ask(http, recorder, "/v1/answers", "question")
        async with _serving_documents(settings.model_copy(update=by_model), url) as http:
            streamed = await _ask(http, recorder, "/v1/answers", "question", stream=True)
    return {"search": search, "answer": answer, "streamed": streamed}


@contextlib.asynccontextmanager
async def _serving_documents(settings: Settings, url: str) -> AsyncIterator[AsyncClient]:
    """A client, without a server between, of the application after it has read the documents."""
    async with open_resources(settings, url) as resources:
        async with resources.database.system() as system:
            tenant = await create_tenant(system, f"walk {uuid4()}")
            key = await create_key(system, tenant.id, scopes=SCOPES, principals=[], expires_at=None)
        app = build_app(resources)
        headers = {"Authorization": f"Bearer {key.key}"}
        client = AsyncClient(transport=ASGITransport(app), base_url="http://here", headers=headers)
        async with app.router.lifespan_context(app), client as http:
            for name in DOCUMENTS:
                file = (name, (DOCUMENTS_FOLDER / name).read_bytes())
                (await http.post("/v1/documents", files={"file": file})).raise_for_status()
            async with open_ingestion(settings, url) as tools:
                await run_worker(
                    build_queue_app(url, tools),
                    concurrency=1,
                    stalled_after=timedelta(minutes=1),
                    wait=False,
                    obeys_signals=False,
                )
            yield http


async def _ask(
    http: AsyncClient, recorder: Recorder, path: str, key: str, **more: bool
) -> dict[str, object]:
    """Counts of the second request; BenchmarkFailed when it did not find what was asked for."""
    (await http.post(path, json={key: WARM_UP, **more})).raise_for_status()
    with recorder.recording():
        response = await http.post(path, json={key: QUESTION, **more})
    expected = '"status": "answered"' if more.get("stream") else CASE.quote
    if expected not in " ".join(response.text.split()):
        raise BenchmarkFailed(f"{path} did not find what was asked for.")
    return recorder.counts()


def size_of(packages: Sequence[str]) -> dict[str, float]:
    """Lines, and functions with those within functions, of all packages together."""
    paths = [path for each in packages for path in (CHECKOUT / each).rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    lines = sum(text.count("\n") for text in texts)
    nodes = (node for text in texts for node in ast.walk(ast.parse(text)))
    functions = sum(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in nodes)
    per_thousand = round(functions * 1000 / lines, 2)
    return {"lines": lines, "functions": functions, "functions_per_1000_lines": per_thousand}


def _printed(instance: Instance, code: str) -> Any:  # noqa: ANN401  # JSON
    """The JSON that the code prints last, in a process with the instance's settings."""
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", code],
        env=instance.environment,
        cwd=instance.home,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure_walk(instance: Instance) -> Outcome:
    """Counts; CalledProcessError when a request is not answered."""
    packages = (*PRODUCT, "evals")
    imported: list[str] = _printed(instance, PRINT_IMPORTED)
    return Outcome(
        question="What one search and one answer run through, and how much code there is",
        target="each request answered; the counts are for comparing two states of the code",
        has_met_target=True,
        numbers={
            **_printed(instance, PRINT_WALK),
            "size_by_package": {each: size_of([each]) for each in packages},
            "size_together": size_of(packages),
            "modules_imported": {ROUTES: sum(x.partition(".")[0] in packages for x in imported)},
            "readme_words": len((CHECKOUT / "README.md").read_text(encoding="utf-8").split()),
        },
        warm_up=1,
    )
