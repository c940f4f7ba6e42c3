"""The walk of a newcomer: a fresh clone, the commands of the first pages in order, clean-up."""

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from tests.footnote.processes import ROOT, free_port
from tests.footnote.test_documented_commands import BLOCK, check_shown

pytestmark = pytest.mark.end_to_end

SEPARATOR = "--- end of block ---"


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What the command says on stdout; fails when the command does."""
    done = subprocess.run(  # noqa: S603  # our own command
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with an environment that shares this one's packages: CI tests the installation."""
    folder = tmp_path_factory.mktemp("n")
    ours = dict(os.environ)  # noqa: TID251  # handed on, not read
    run(["git", "clone", "--quiet", str(ROOT), str(folder)], ROOT, ours)
    environment = folder / ".venv"
    run([sys.executable, "-m", "venv", "--without-pip", str(environment)], ROOT, ours)
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(f"{folder}\n{sysconfig.get_path('purelib')}\n")
    program = environment / "bin" / "footnote"
    program.write_text(f'#!/bin/sh\nexec {environment}/bin/python -m footnote "$@"\n')
    program.chmod(0o755)
    (environment / ".installed").touch()
    return folder


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a fresh shell has; the paths are short, since those of sockets have 107 bytes."""
    home, temporary = tmp_path_factory.mktemp("h"), tmp_path_factory.mktemp("t")
    return {"HOME": str(home), "PATH": os.defpath, "TMPDIR": str(temporary)}


@contextmanager
def served(clone: Path, bare: dict[str, str]) -> Iterator[int]:
    """The port on which `make up` serves; stopped as by Ctrl-C."""
    chosen = free_port()
    log_path = clone.with_name("up.log")
    with log_path.open("wb") as log:
        up = subprocess.Popen(  # noqa: S603  # our own command
            ["/usr/bin/env", "make", "up", f"PORT={chosen}"],
            cwd=clone,
            env=bare,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_until_ready(up, chosen, log_path)
            yield chosen
        finally:
            os.killpg(up.pid, 2)
            up.wait(60)


def wait_until_ready(up: "subprocess.Popen[bytes]", port: int, log_path: Path) -> None:
    deadline = monotonic() + 90
    while monotonic() < deadline:
        assert up.poll() is None, log_path.read_text()
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == httpx.codes.OK:
                return
        sleep(0.2)
    pytest.fail(log_path.read_text())


def walk(page: str, clone: Path, bare: dict[str, str], port: int) -> None:
    """Pastes all commands of the page into one shell; fails unless what is shown comes back."""
    blocks = list(BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")))
    commands = [
        block["commands"].replace("127.0.0.1:8000", f"127.0.0.1:{port}") for block in blocks
    ]
    script = f"echo {shlex.quote(SEPARATOR)}\n".join([*commands, ""])

    said = run(["bash", "-e", "-c", script], clone, bare).split(SEPARATOR)

    for block, output in zip(blocks, said, strict=False):
        if "curl " in block["commands"] and output.strip():
            returned = json.loads(output)
            assert "detail" not in returned, output
            if block["shown"]:
                check_shown(json.loads(block["shown"]), returned)


def try_the_demo(clone: Path, bare: dict[str, str]) -> None:
    """All answers are right, what is shown as the next step works, and nothing lies outside."""
    said = run(["make", "demo"], clone, bare)

    assert "All answers were as expected." in said
    [ask] = re.findall(r"^  (.* ask .*)$", said, flags=re.MULTILINE)
    assert run(["bash", "-c", ask], clone, bare).startswith("answered\n")
    outside = [path for name in ("HOME", "TMPDIR") for path in Path(bare[name]).rglob("*")]
    assert [path.name for path in outside if path.is_file()] == []


def clean_up(clone: Path, bare: dict[str, str]) -> None:
    """The clone is as it was."""
    (clone / ".cache" / "pip").mkdir(parents=True)
    assert (clone / ".demo" / "demo" / "postgres").exists()

    run(["make", "clean"], clone, bare)

    assert run(["git", "status", "--porcelain", "--ignored"], clone, bare) == ""


def test_a_newcomer_gets_from_the_demo_to_a_clean_clone(clone: Path, bare: dict[str, str]) -> None:
    try_the_demo(clone, bare)
    for page in ("README.md", "docs/quickstart.md"):
        # Each is written for who has no documents yet.
        home = Path(bare["HOME"]) / Path(page).stem[0]
        home.mkdir()
        with served(clone, bare | {"HOME": str(home)}) as port:
            walk(page, clone, bare | {"HOME": str(home)}, port)
    clean_up(clone, bare)
