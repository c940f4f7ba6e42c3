"""Processes, open files, growing memory and damaged documents are seen."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from evals.attack.host import foreign_addresses, open_to_others
from evals.attack.hostile_files import hostile_files, lying_size, sheets
from evals.attack.mutations import mutated_files, samples
from evals.attack.processes import Usage, end_all, of_home, of_role, usage
from evals.attack.seeding import random_for, words
from evals.attack.soak import FLAT, last_quarters
from evals.attack.worker import SAMPLES, is_stable
from evals.bench.footnote_process import LOG_NAME


def memory(*sizes: int) -> list[Usage]:
    return [Usage(at=0, memory_bytes=size, cpu_seconds=0, open_files=0) for size in sizes]


def test_processes_of_a_home_are_found_and_ended(tmp_path: Path) -> None:
    waiting = [sys.executable, "-c", "input()", "footnote", "worker"]
    process = subprocess.Popen(  # noqa: S603  # this Python
        waiting, env={"FOOTNOTE_HOME": str(tmp_path)}, stdin=subprocess.PIPE
    )
    with process:
        found = of_home(tmp_path)
        of_the_worker = of_role(tmp_path, "worker")
        ended = end_all(tmp_path)

    assert [each.pid for each in found] == [each.pid for each in of_the_worker] == [process.pid]
    assert ended == 1
    assert of_home(tmp_path) == []
    assert usage(found).memory_bytes == 0


def test_what_others_may_read_is_seen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o711)
    for name, mode in (("open", 0o640), ("closed", 0o600), (LOG_NAME, 0o644)):
        (home / name).touch()
        (home / name).chmod(mode)
    (home / "folder").mkdir()
    (home / "folder").chmod(0o755)

    assert open_to_others(home) == ["folder is 755", "open is 640"]


def test_a_page_that_loads_from_elsewhere_is_seen() -> None:
    page = '<script src="https://cdn.example/a.js"></script><link href="//other.example/b.css">'

    assert len(foreign_addresses(page)) == 2
    assert foreign_addresses('<script src="/static/a.js"></script><a href="#x">') == []


@pytest.mark.parametrize(("last", "is_flat"), [(104, True), (106, False)])
def test_memory_that_grows_is_seen(last: int, *, is_flat: bool) -> None:
    before, after = last_quarters(
        memory(*[500] * 4, *[100] * 12, *[last] * 4), lambda each: each.memory_bytes
    )

    assert (after / before <= FLAT) == is_flat


@pytest.mark.parametrize(
    ("code", "is_an_end"),
    [
        ("ready", True),
        ("document_corrupt", True),
        ("processing_failed", True),
        ("internal_error", False),
        ("processing", False),
        ("anything", False),
    ],
)
def test_an_end_is_ready_or_a_known_code(code: str, *, is_an_end: bool) -> None:
    assert is_stable(code) == is_an_end


def test_mutations_are_the_same_in_each_run_and_change_something() -> None:
    paths = samples([SAMPLES])
    first, second = (list(mutated_files(paths, 60)) for _ in range(2))

    unchanged = [
        name
        for (name, content), path in zip(first, paths * 3, strict=False)
        if content == path.read_bytes()
    ]

    assert first == second
    assert len(unchanged) < len(first) / 10


def test_words_are_different_from_each_other() -> None:
    made = words(random_for("test"), 500)

    assert len(set(made)) == 500
    assert made == words(random_for("test"), 500)


def test_a_lying_archive_lies_and_still_opens() -> None:
    _, honest = next(sheets(unpacked_bytes=0))
    lying = lying_size(honest, "xl/workbook.xml")

    with zipfile.ZipFile(io.BytesIO(lying)) as archive:
        sizes = {each.filename: each.file_size for each in archive.infolist()}

    assert sizes["xl/workbook.xml"] == 100
    assert sizes["xl/worksheets/sheet1.xml"] != 100


def test_hostile_files_are_of_the_type_that_their_name_says() -> None:
    files = list(hostile_files(unpacked_bytes=1_000_000))
    starts = {"odt": b"PK", "docx": b"PK", "xlsx": b"PK", "pdf": b"%PDF-", "rtf": b"{\\rtf1"}

    assert len(dict(files)) == len(files) == 37
    assert [
        name
        for name, content in files
        if not content.startswith(starts.get(name.split(".")[1], b""))
    ] == []
