"""The name of an uploaded file, as it is kept and shown."""

import regex  # type: ignore[import-untyped]  # ships no type information

_FOLDERS = regex.compile(r"^.*[/\\]", regex.DOTALL)
_UNSHOWN = regex.compile(r"[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]")
"""Breaks a line, or lets a name look like another: what stands before `fdp.exe` would follow it."""


def file_name(sent: str | None) -> str | None:
    """The name without folders and without characters that disguise it; None when nothing is left.

    Clients send paths of their own machine, which are nobody's business.
    """
    name = _UNSHOWN.sub("", _FOLDERS.sub("", sent or "")).strip()
    return None if name in {"", ".", ".."} else name
