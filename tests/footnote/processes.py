"""Footnote's commands as processes of their own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended and what it said."""

    exit_code: int
    stdout: str
    stderr: str


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


@asynccontextmanager
async def python(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    is_heard: bool = False,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running interpreter, killed at the end of the block if it still runs."""
    output = asyncio.subprocess.PIPE if is_heard else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, **environment},  # noqa: TID251  # handed on, not read
        cwd=folder or ROOT,
        stdout=output,
        stderr=output,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
