"""Footnote's commands: as processes of their own, or faster, in a thread of this one."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import IO
from unittest.mock import patch

from footnote.cli import OWNER_ONLY, run

ROOT = Path(__file__).parents[2]

EVERYBODY_READS = 0o022
"""The usual umask: what a command writes is private all the same."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended and what it said."""

    exit_code: int
    stdout: str
    stderr: str


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def run_footnote(
    *arguments: str, environment: Mapping[str, str], folder: Path | None = None
) -> Finished:
    """The end of `footnote` with these arguments, run in the folder."""
    command = ["-m", "footnote", *arguments]
    async with python(command, environment=environment, folder=folder, is_heard=True) as process:
        stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return Finished(
            exit_code=process.returncode, stdout=stdout.decode(), stderr=stderr.decode()
        )


async def run_here(*arguments: str, environment: Mapping[str, str]) -> Finished:
    """The same without a process; one at a time, since all of them share this one's output."""
    return await asyncio.to_thread(run_main, arguments, environment)


def run_main(arguments: Sequence[str], environment: Mapping[str, str]) -> Finished:
    """The end of `footnote` with these arguments, in this thread."""
    stdout, stderr = StringIO(), StringIO()
    umask = os.umask(OWNER_ONLY)
    with (
        patch("sys.argv", ["footnote", *arguments]),
        patch.dict("os.environ", environment),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        try:
            exit_code = run()
        finally:
            os.umask(umask)
    return Finished(exit_code=exit_code, stdout=stdout.getvalue(), stderr=stderr.getvalue())


@asynccontextmanager
async def python(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    is_heard: bool = False,
    log: IO[bytes] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running interpreter, killed at the end of the block if it still runs.

    `log` takes stderr instead of a pipe, on which one that says much waits for somebody to read.
    """
    output = asyncio.subprocess.PIPE if is_heard else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, **environment},  # noqa: TID251  # handed on, not read
        cwd=folder or ROOT,
        stdout=output,
        stderr=log or output,
        umask=EVERYBODY_READS,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
