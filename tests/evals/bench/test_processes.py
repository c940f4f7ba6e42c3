"""What a second process costs, and what is read of a process's memory."""

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.bench.processes import ProcessMemory, judge, memory_of_api


def process(pss: float) -> ProcessMemory:
    return {"rss": pss + 100, "pss": pss, "uss": pss - 10}


@pytest.mark.parametrize(
    ("with_many", "is_met"), [pytest.param(260.0, True, id="met"), pytest.param(261.0, False)]
)
def test_chunks_cost_what_a_second_process_takes_more_than_beside_a_few(
    with_many: float, *, is_met: bool
) -> None:
    # A second process takes 200 beside few chunks: two of 250 and a parent of 50, over one of 350.
    few = {1: [process(350)], 2: [process(250), process(250), process(50)]}
    many = {1: [process(800)], 2: [process(500), process(500), process(with_many - 200)]}

    outcome = judge({10_000: few, 1_000_000: many})

    assert outcome.numbers["second_process_megabytes"] == {10_000: 200.0, 1_000_000: with_many}
    assert outcome.numbers["chunks_in_second_process_megabytes"] == with_many - 200
    assert outcome.has_met_target is is_met


def test_what_processes_map_from_one_file_counts_once_among_them(tmp_path: Path) -> None:
    size = 40_000_000
    shared = tmp_path / "shared"
    shared.write_bytes(os.urandom(size))
    program = (
        "import mmap, sys\n"
        f"with open({str(shared)!r}, 'rb') as file:\n"
        "    pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
        f"sum(pages[::{mmap.PAGESIZE}])\nprint('ready', flush=True)\nsys.stdin.read()"
    )
    running = [
        subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"FOOTNOTE_HOME": str(tmp_path)},
        )
        for _ in range(2)
    ]
    for each in running:
        assert each.stdout is not None
        each.stdout.readline()

    found = memory_of_api(tmp_path)
    for each in running:
        each.communicate()

    megabytes = size / 1e6
    assert len(found) == 2
    assert all(each["rss"] >= megabytes for each in found)
    assert all(each["uss"] < megabytes for each in found)
    assert megabytes <= sum(each["pss"] for each in found) < 2 * megabytes
