"""`footnote up` as its users run it: a process of its own, spoken to over HTTP."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

import httpx

from kb.errors import KnowledgeBaseError
from kb.settings import Settings

START_TIMEOUT_SECONDS = 300.0
STOP_TIMEOUT_SECONDS = 20.0
READY_POLL_SECONDS = 0.02
LOG_NAME = "benchmark.log"
TENANT = "default"
"""Made by the first start."""

KEY_SCOPES = "documents:write,documents:read,search,answers"
NO_ENVIRONMENT = "NOT_READ_BY_BENCHMARKS_"
"""A prefix that no variable has: benchmarks run with the defaults and what they are told."""

CHECKOUT = Path(__file__).parents[2]
"""The code beside this benchmark, whichever is installed."""


class BenchmarkFailed(KnowledgeBaseError):
    """The service did not do what the benchmark measures."""

    code = "benchmark_failed"


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A home folder and the settings of what runs in it."""

    home: Path
    overrides: Mapping[str, str]
    """By field of kb.settings; the rest has its default."""

    checkout: Path = CHECKOUT
    """Whose code runs."""

    @property
    def settings(self) -> Settings:
        """As the service has them."""
        return Settings(
            _env_file=None,
            _env_prefix=NO_ENVIRONMENT,
            home=self.home,
            **self.overrides,  # type: ignore[arg-type]  # pydantic parses them as from a variable
        )

    @property
    def environment(self) -> dict[str, str]:
        """All that the service gets of an environment, so that runs can be compared."""
        variables = {f"FOOTNOTE_{name.upper()}": value for name, value in self.overrides.items()}
        return {
            "PATH": os.defpath,
            "HOME": str(Path.home()),
            "TMPDIR": tempfile.gettempdir(),
            "FOOTNOTE_HOME": str(self.home),
            "PYTHONPATH": str(self.checkout),
            **variables,
        }


@dataclass(frozen=True, kw_only=True)
class Footnote:
    """A running service; `ready_seconds` is how long it took to become ready."""

    instance: Instance
    url: str
    ready_seconds: float
    process: subprocess.Popen[bytes]

    @contextmanager
    def client(self, tenant: str = TENANT, *options: str) -> Iterator[httpx.Client]:
        """An HTTP client with a new key of the tenant; options as `create_key` takes them."""
        key = self.create_key(tenant, *options)
        with httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as client:
            yield client

    def create_key(self, tenant: str = TENANT, *options: str) -> str:
        """A new key of the tenant; options as `footnote key create` takes them."""
        made = self.run("key", "create", "--tenant", tenant, "--scopes", KEY_SCOPES, *options)
        return str(made["key"])

    def run(self, *arguments: str) -> dict[str, str]:
        """The JSON that a command prints beside the service."""
        done = subprocess.run(  # noqa: S603  # our own command
            command(*arguments, "--json"),
            env=self.instance.environment,
            cwd=self.instance.home,
            capture_output=True,
            text=True,
            check=True,
        )
        printed: dict[str, str] = json.loads(done.stdout)
        return printed


@contextmanager
def running(instance: Instance, *arguments: str) -> Iterator[Footnote]:
    """`footnote up` in the instance's home until the end of the block.

    `arguments` are another command that serves; `api` needs a home that was up before.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    log_path = instance.home / LOG_NAME
    with log_path.open("ab") as log:
        started = perf_counter()
        process = subprocess.Popen(  # noqa: S603  # our own command
            command(*(arguments or ("up",)), "--port", str(port)),
            env=instance.environment,
            # No .env lies there.
            cwd=instance.home,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_ready(process, url, log_path)
        yield Footnote(
            instance=instance,
            url=url,
            ready_seconds=perf_counter() - started,
            process=process,
        )
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log_path: Path) -> None:
    deadline = perf_counter() + START_TIMEOUT_SECONDS
    while process.poll() is None and perf_counter() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).is_success:
                return
        except httpx.TransportError:
            sleep(READY_POLL_SECONDS)
    raise BenchmarkFailed(f"The service did not start; its log is {log_path.name!r} in its home.")


def command(*arguments: str) -> list[str]:
    """The command line of Footnote in this Python."""
    return [sys.executable, "-m", "footnote", *arguments]
