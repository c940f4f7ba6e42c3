"""A file's name is kept without folders and disguises."""

import pytest

from kb.file_names import file_name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("handbook.pdf", "handbook.pdf"),
        ("/home/ana/handbook.pdf", "handbook.pdf"),
        ("C:\\Users\\ana\\handbook.pdf", "handbook.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a/../b.md", "b.md"),
        ("../", None),
        ("..", None),
        (".", None),
        ("/", None),
        ("", None),
        (None, None),
        ("  note.md \n", "note.md"),
        ("no\tte\r\n.md", "note.md"),
        ("\x00\x1b[31mred.md", "[31mred.md"),
        # Shown as `invoice_exe.pdf`, it is a program.
        ("invoice_\u202efdp.exe", "invoice_fdp.exe"),
        ("a\u2066b\u2069\u200f.md", "ab.md"),
        ("a\u2028b.md", "ab.md"),
        ("\ud800.md", ".md"),
        # These are letters of their languages, and joiners of emoji.
        ("Übersicht – 報告.docx", "Übersicht – 報告.docx"),
        ("می\u200cخواهم.txt", "می\u200cخواهم.txt"),
        ("👩\u200d💻.md", "👩\u200d💻.md"),
        ("x" * 10_000, "x" * 10_000),
        ("\\" * 100_000 + "a", "a"),
    ],
    ids=lambda value: repr(value)[:40].encode("ascii", "backslashreplace").decode(),
)
def test_what_is_kept_of_a_name(sent: str | None, kept: str | None) -> None:
    assert file_name(sent) == kept
