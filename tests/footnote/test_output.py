"""What somebody called a thing is shown as it is: it is no markup and steers no terminal."""

import json
from io import StringIO

import pytest
from rich.progress import Progress
from rich.table import Table

from footnote.output import PlainConsole, print_json, printable, styled
from footnote.progress_bars import progress_bar, transfer_bar

STEERED = {
    "[red]ops[/red] :smile:": "[red]ops[/red] :smile:",
    "über, नमस्ते, क्\u200dष, 👩\u200d💻": "über, नमस्ते, क्\u200dष, 👩\u200d💻",
    "non\u00a0breaking": "non\u00a0breaking",
    "\x1b[31mred\x1b[0m": r"\x1b[31mred\x1b[0m",
    "\x9b31m \x07 \x7f": r"\x9b31m \x07 \x7f",
    "a\nb\r\tc\u2028d": r"a\nb\r\tc\u2028d",
    "\u202egnp.exe\u2066": r"\u202egnp.exe\u2066",
    "tag\U000e0041": r"tag\U000e0041",
    "caf\udce9": r"caf\udce9",
}
HOSTILE = "[red]ops[/red] \x1b[31m\u202e"
SHOWN = r"[red]ops[/red] \x1b[31m\u202e"


@pytest.mark.parametrize("text", STEERED, ids=range(len(STEERED)))
def test_what_steers_a_terminal_is_written_as_an_escape(text: str) -> None:
    assert printable(text) == STEERED[text]


def written(*things: object, **options: object) -> str:
    console = PlainConsole(file=StringIO(), force_terminal=True, width=200, color_system="standard")
    console.print(*things, **options)  # type: ignore[arg-type]  # whatever rich takes
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_string_is_text_wherever_it_stands() -> None:
    table = Table(HOSTILE, title=HOSTILE, caption=HOSTILE)
    table.add_row(HOSTILE)

    assert written(HOSTILE) == f"{SHOWN}\n"
    assert written(HOSTILE, markup=True, emoji=True, highlight=True) == f"{SHOWN}\n"
    assert written("[b]", ":smile:") == "[b] :smile:\n"
    assert written(table).count(SHOWN) == 4
    assert SHOWN in written(styled(("ok", "green"), HOSTILE))
    assert "\x1b[32mok" in written(styled(("ok", "green"), HOSTILE))


@pytest.mark.parametrize("make", [transfer_bar, progress_bar], ids=["transfer", "progress"])
def test_a_bar_shows_names_as_they_are_and_nothing_where_nobody_watches(
    make: type[Progress], capsys: pytest.CaptureFixture[str]
) -> None:
    with make() as bar:
        bar.add_task(HOSTILE, total=2, files="0/2 files", name=HOSTILE)

    assert SHOWN in written(bar.get_renderable())
    assert capsys.readouterr() == ("", "")


def test_json_keeps_its_value_and_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": HOSTILE, "others": list(STEERED)}

    print_json(value)

    shown = capsys.readouterr().out
    assert json.loads(shown) == value
    assert printable(shown.replace("\n", "")) == shown.replace("\n", "")
