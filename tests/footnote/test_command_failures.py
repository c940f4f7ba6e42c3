"""However a command fails, it ends with one line on stderr and exit code 1, never a traceback."""

import pytest

from tests.footnote.processes import Finished, python, run_footnote

RAISING = """
import sys
import footnote.cli
from kb.errors import InvalidInput

@footnote.cli.app.command("fault")
def fault() -> None:
    print("half a line", end="")
    {fault}

sys.argv = ["footnote", "fault"]
footnote.cli.main()
"""

FULL = "footnote: A disk is full, free some space [disk_full]"
LINE_BY_FAULT = {
    "raise InvalidInput('Not a\\nname.')": r"footnote: Not a\nname. [invalid_request]",
    "open('/dev/null/x')": "footnote: Not a directory: '/dev/null/x'",
    "raise OSError(28, 'No space left on device')": FULL,
    "raise BrokenPipeError": None,
    "raise KeyError('a document said')": "footnote: Unexpected KeyError in <string>, line 9. This "
    "is a fault of Footnote: FOOTNOTE_LOG_LEVEL=debug shows more to report.",
}


async def end_of(command: list[str], environment: dict[str, str]) -> Finished:
    async with python(command, environment=environment, is_heard=True) as process:
        stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return Finished(exit_code=process.returncode, stdout=stdout.decode(), stderr=stderr.decode())


@pytest.mark.parametrize("fault", LINE_BY_FAULT, ids=range(len(LINE_BY_FAULT)))
async def test_a_failure_is_one_line(fault: str, environment: dict[str, str]) -> None:
    ended = await end_of(["-c", RAISING.format(fault=fault)], environment)

    line = LINE_BY_FAULT[fault]
    assert ended.exit_code == 1
    assert ended.stdout == "half a line"
    assert ended.stderr.splitlines() == ([line] if line else [])


async def test_at_debug_an_unexpected_fault_shows_its_traceback(
    environment: dict[str, str],
) -> None:
    environment = {**environment, "FOOTNOTE_LOG_LEVEL": "debug"}

    ended = await end_of(["-c", RAISING.format(fault="1 / 0")], environment)

    assert ended.exit_code == 1
    assert "ZeroDivisionError: division by zero" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("footnote: Unexpected ZeroDivisionError in ")


async def test_output_that_cannot_be_written_is_a_failure(environment: dict[str, str]) -> None:
    code = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); import footnote.__main__"

    ended = await end_of(["-c", code, "--version"], environment)

    assert ended.exit_code == 1
    assert ended.stderr.splitlines() == [FULL]


async def test_a_terminal_that_lacks_a_character_gets_its_escape(
    environment: dict[str, str],
) -> None:
    ended = await run_footnote(
        "tenant", "create", "Müller", environment={**environment, "PYTHONIOENCODING": "ascii"}
    )

    assert (ended.exit_code, ended.stderr) == (0, "")
    assert r"M\xfcller" in ended.stdout
