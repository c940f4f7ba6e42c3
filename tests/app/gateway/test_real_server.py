"""The gateway against a server that others have written: `transformers serve`."""

import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.gateway.chat import Message
from app.gateway.config import GatewayConfig, Model, Provider, single_model_config
from app.gateway.gateway import Gateway, ModelSession
from app.gateway.metered import Purpose
from kb.errors import LlmUnavailable
from kb.postgres.database import Database
from kb.store.tenants import create_tenant
from tests.fakes.gateways import running_gateway
from tests.fakes.tiny_model import write_tiny_model
from tests.footnote.processes import free_port

pytestmark = pytest.mark.slow  # importing torch in another process takes ten seconds

PATIENCE_SECONDS = 120
PURPOSE = Purpose(feature="answer")
PROMPT = (
    Message(role="system", content="on a day in may"),
    Message(role="user", content="when leave ends"),
)
SCHEMA: dict[str, object] = {"type": "object"}
INPUT_TOKENS = 8
"""The words of both messages: the tiny model has one token for each."""


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def base_url(model_folder: Path) -> Iterator[str]:
    pytest.importorskip("accelerate", reason="the server loads models with it")
    port = free_port()
    process = subprocess.Popen(  # noqa: S603  # a command of ours
        [
            sys.executable,
            "-m",
            "transformers.cli.transformers",
            "serve",
            str(model_folder),
            "--host=127.0.0.1",
            f"--port={port}",
            "--device=cpu",
        ],
        cwd=model_folder,
        env={
            "HF_HUB_OFFLINE": "1",
            "HOME": str(model_folder),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def wait_until_healthy(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  # our own address
                return
        except (urllib.error.URLError, TimeoutError):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not start"
            threading.Event().wait(0.1)


def config_of(base_url: str, model_folder: Path) -> GatewayConfig:
    return single_model_config(
        Provider(base_url=base_url),
        Model(provider="default", name=str(model_folder), max_output_tokens=24, retries=0),
        answer_seconds=60,
    )


@pytest.fixture
async def gateway(base_url: str, model_folder: Path, database: Database) -> AsyncIterator[Gateway]:
    async with running_gateway(config_of(base_url, model_folder), database) as opened:
        yield opened


@pytest.fixture
async def session(gateway: Gateway, database: Database) -> ModelSession:
    async with database.system() as system:
        tenant = await create_tenant(system, f"real server {time.time_ns()}")
    return gateway.session(tenant.id)


async def test_a_completion_comes_with_its_counts(session: ModelSession) -> None:
    completion = await session.model(PURPOSE).complete(PROMPT, json_schema=SCHEMA)

    assert completion.text
    assert completion.input_tokens == INPUT_TOKENS
    assert completion.output_tokens is not None
    assert 0 < completion.output_tokens <= 24


async def test_a_stream_says_and_counts_the_same(session: ModelSession) -> None:
    model = session.model(PURPOSE)
    whole = await model.complete(PROMPT, json_schema=SCHEMA)

    async with model.stream(PROMPT, json_schema=SCHEMA) as stream:
        pieces = [piece async for piece in stream]

    assert "".join(pieces) == stream.completion.text
    assert stream.completion.text.split() == whole.text.split()
    assert stream.completion.input_tokens == whole.input_tokens
    assert stream.completion.output_tokens == whole.output_tokens
    assert stream.completion.finish_reason == whole.finish_reason


async def test_a_stream_may_be_left_and_the_server_still_answers(session: ModelSession) -> None:
    model = session.model(PURPOSE)
    async with model.stream(PROMPT, json_schema=None) as stream:
        async for _ in stream:
            break

    assert (await model.complete(PROMPT, json_schema=None)).text


async def test_a_server_that_is_gone_is_unavailable(
    model_folder: Path, database: Database, session: ModelSession
) -> None:
    config = config_of(f"http://127.0.0.1:{free_port()}/v1", model_folder)

    async with running_gateway(config, database) as gateway:
        other = gateway.session(session.account.tenant_id)
        with pytest.raises(LlmUnavailable):
            await other.model(PURPOSE).complete(PROMPT, json_schema=None)
