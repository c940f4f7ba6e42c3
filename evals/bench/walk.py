"""What one search and one answer run through, and how much code there is: counts, no times.

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
from types import FrameType, ModuleType
from typing import Any, Final
from uuid import uuid4

from httpx import ASGITransport, AsyncClient

from evals.bench.footnote_process import CHECKOUT, BenchmarkFailed, Instance
from evals.bench.record import Outcome
from footnote.evals.proof.cases import ProofCase
from footnote.evals.proof.scripted import WRITER, scripted_models

PRODUCT: Final = ("app", "ingest", "kb", "language", "models", "footnote")
"""Packages that are walked through, those of them that exist."""

ROUTES: Final = ("app.http.answers.routes",)
"""Where the routes of answers may be; exactly one of them exists."""

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

COMPOSED: Final = (
    "import asyncio, json; from footnote.commands import serve; from evals.bench.walk import walk; "
    "print(json.dumps(asyncio.run(walk(serve))))"
)
"""Benchmarks stand below the composition root: a process of its own brings the two together."""

IMPORTED: Final = (
    "import json, sys; before = set(sys.modules); import {}; "
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
        self._holders: set[tuple[str, str, str, str]] = set()
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
            self._holders.update((file, function, *each) for each in _holding(frame))
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
        """What was noted, as JSON takes it."""
        names = [each for each in self._holders if each[2] != "field"]
        parameters = [each for each in names if each[2] == "parameter"]
        return {
            "files": len({file for file, _, _ in self._functions}),
            "functions": len(self._functions),
            "parameters_with_question": _distinct(parameters),
            "names_with_question": _distinct(names),
            "names_and_fields_with_question": _distinct(self._holders),
            "nested_async_generators": len(self._chain),
            "deepest_chain": self._chain,
        }


def _place(frame: FrameType) -> tuple[str, str, int]:
    """File, function and first line."""
    code = frame.f_code
    return str(Path(code.co_filename).relative_to(CHECKOUT)), code.co_qualname, code.co_firstlineno


def _holding(frame: FrameType) -> Iterator[tuple[str, str]]:
    """What kind of name holds the question, and which."""
    parameters = inspect.getargs(frame.f_code).args
    for name, value in frame.f_locals.items():
        if type(value) is str and value == QUESTION:
            yield "parameter" if name in parameters else "local", name
        elif type(value).__module__.partition(".")[0] in PRODUCT:
            fields = dict(getattr(value, "__dict__", {}))
            texts = {key: held for key, held in fields.items() if type(held) is str}
            yield from (("field", key) for key, held in texts.items() if held == QUESTION)


def _distinct(found: Collection[tuple[str, str, str, str]]) -> dict[str, int]:
    return {
        "name": len({name for _, _, _, name in found}),
        "file_and_name": len({(file, name) for file, _, _, name in found}),
        "function_and_name": len({(file, function, name) for file, function, _, name in found}),
    }


async def walk(serve: ModuleType) -> dict[str, object]:
    """What each request runs through; `serve` is footnote's command of that name."""
    recorder = Recorder()
    serve.configure_logging("error")
    settings = serve.Settings()
    with scripted_models() as models, serve.database_server(settings) as server:
        serve.upgrade(server.url)
        models.put(CASE)
        by_model = {"llm_base_url": models.base_url, "llm_model": WRITER}
        async with _filled(serve, settings, server.url) as http:
            search = await _ask(http, recorder, "/v1/search", "query")
            answer = await _ask(http, recorder, "/v1/answers", "question")
        async with _filled(serve, settings.model_copy(update=by_model), server.url) as http:
            streamed = await _ask(http, recorder, "/v1/answers", "question", stream=True)
    return {"search": search, "answer": answer, "streamed": streamed}


@contextlib.asynccontextmanager
async def _filled(serve: ModuleType, settings: object, url: str) -> AsyncIterator[AsyncClient]:
    """Speaks, without a server, to the application, which has read the documents."""
    async with serve.open_resources(settings, url) as resources:
        async with resources.database.system() as system:
            tenant = await serve.create_tenant(system, f"walk {uuid4()}")
            may = {"scopes": serve.FIRST_KEY_SCOPES, "principals": [], "expires_at": None}
            key = await serve.create_key(system, tenant.id, **may)
        app = serve.build_app(resources)
        headers = {"Authorization": f"Bearer {key.key}"}
        client = AsyncClient(transport=ASGITransport(app), base_url="http://here", headers=headers)
        async with app.router.lifespan_context(app), client as http:
            for name in DOCUMENTS:
                file = (name, (CHECKOUT / "footnote" / "samples" / "documents" / name).read_bytes())
                (await http.post("/v1/documents", files={"file": file})).raise_for_status()
            async with serve.open_ingestion(settings, url) as tools:
                queue = serve.build_queue_app(url, tools)
                how = {"concurrency": 1, "stalled_after": timedelta(minutes=1), "wait": False}
                await serve.run_worker(queue, obeys_signals=False, **how)
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
    """Of all together; every line counts, and so do functions within functions."""
    paths = [path for each in packages for path in (CHECKOUT / each).rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    lines = sum(text.count("\n") for text in texts)
    nodes = (node for text in texts for node in ast.walk(ast.parse(text)))
    functions = sum(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in nodes)
    per_thousand = round(functions * 1000 / lines, 2)
    return {"lines": lines, "functions": functions, "functions_per_1000_lines": per_thousand}


def _printed(instance: Instance, code: str) -> Any:  # noqa: ANN401  # JSON
    """What the code prints last, in a process of its own that has the instance's settings."""
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", code],
        env=instance.environment,
        cwd=instance.home,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure_walk(instance: Instance) -> Outcome:
    """Counts; BenchmarkFailed when a request is not answered or the routes are not found."""
    routes = [name for name in ROUTES if (CHECKOUT / f"{name.replace('.', '/')}.py").is_file()]
    if len(routes) != 1:
        raise BenchmarkFailed(f"One of {', '.join(ROUTES)} should exist.")
    packages = [each for each in (*PRODUCT, "evals") if (CHECKOUT / each).is_dir()]
    imported: list[str] = _printed(instance, IMPORTED.format(routes[0]))
    return Outcome(
        question="What one search and one answer run through, and how much code there is",
        target="each request answered; the counts are for comparing two states of the code",
        has_met_target=True,
        numbers={
            **_printed(instance, COMPOSED),
            "size_by_package": {each: size_of([each]) for each in packages},
            "size_together": size_of(packages),
            "modules_imported": {routes[0]: sum(x.partition(".")[0] in packages for x in imported)},
            "readme_words": len((CHECKOUT / "README.md").read_text(encoding="utf-8").split()),
        },
        warm_up=1,
    )
