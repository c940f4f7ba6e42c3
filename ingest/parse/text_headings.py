"""Headings in plain text: underlined lines, lines in capitals, numbered lines above prose."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_MAX_CHARS: Final = 120
_MAX_WORDS: Final = 12
_MIN_CAPITALS: Final = 4
_MIN_UNDERLINE: Final = 3
_UNDERLINE: Final = re.compile(r"\s*+([=\-~_*^#+])\1*+\s*+")
_NUMBER: Final = re.compile(r"(?:\u00a7\s?)?(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s++(?=[^\W\d_])")
_ENDS: Final = (".", ":", ",", ";", "!")


@dataclass(frozen=True, kw_only=True)
class TextHeading:
    """Lines `start` to `end` are a heading; those of one style stand at one level, from 1."""

    start: int
    end: int
    name: str
    level: int


@dataclass(frozen=True, kw_only=True)
class _Found:
    start: int
    end: int
    name: str
    style: str


def text_headings(lines: Sequence[str | None]) -> list[TextHeading]:
    """The headings in order; a line without a name is a rule that is none of the text.

    Args:
        lines: of the text; None for those that are something else.
    """
    found = [*_underlined(lines)]
    taken = {index for each in found for index in range(each.start, each.end)}
    found += [each for each in _in_capitals(lines) if each.start not in taken]
    found += [each for each in _numbered(lines) if each.start not in taken]
    found.sort(key=lambda each: each.start)
    styles = list(dict.fromkeys(each.style for each in found if each.name))
    return [
        TextHeading(
            start=each.start,
            end=each.end,
            name=each.name,
            level=1 + (styles.index(each.style) if each.name else 0),
        )
        for each in found
    ]


def _line(lines: Sequence[str | None], index: int) -> str:
    line = lines[index] if 0 <= index < len(lines) else None
    return (line or "").strip()


def _underlined(lines: Sequence[str | None]) -> Iterator[_Found]:
    """Lines above a rule of their own, and rules without a name above them."""
    for index, line in enumerate(lines):
        match = _UNDERLINE.fullmatch(line) if line else None
        if match is None or len(match[0].strip()) < _MIN_UNDERLINE:
            continue
        name, above = _line(lines, index - 1), _line(lines, index - 2)
        is_one = bool(name) and len(name) <= _MAX_CHARS and _UNDERLINE.fullmatch(name) is None
        is_alone = not above or _UNDERLINE.fullmatch(above) is not None
        is_heading = is_one and is_alone and 2 * len(match[0].strip()) >= len(name)
        if is_heading:
            yield _Found(start=index - 1, end=index + 1, name=name, style=match[1])
        else:
            yield _Found(start=index, end=index + 1, name="", style="")


def _in_capitals(lines: Sequence[str | None]) -> Iterator[_Found]:
    """Short lines in capitals that stand below a blank line."""
    for index, line in enumerate(lines):
        name = (line or "").strip()
        letters = sum(map(str.isalpha, name))
        is_title = name.isupper() and letters >= _MIN_CAPITALS and 2 * letters >= len(name)
        is_short = len(name) <= _MAX_CHARS and len(name.split()) <= _MAX_WORDS
        if is_title and is_short and not _line(lines, index - 1) and not name.endswith(_ENDS):
            yield _Found(start=index, end=index + 1, name=name, style="capitals")


def _numbered(lines: Sequence[str | None]) -> Iterator[_Found]:
    """Numbered lines that are no items: something else stands between each and the next."""
    marked = [
        (index, match)
        for index, line in enumerate(lines)
        if line and (match := _NUMBER.match(line)) and not _line(lines, index - 1)
    ]
    titles = [
        _Found(start=index, end=index + 1, name=name, style=f"number {match[1].count('.')}")
        for index, match in marked
        if len(name := _line(lines, index)) <= _MAX_CHARS
        and len(name.split()) <= _MAX_WORDS
        and not name.endswith(_ENDS)
        and "|" not in name
        and _has_text(lines, index)
    ]
    # One alone may be anything; of a list, most have no text of their own.
    if len(titles) > 1 and 2 * len(titles) > len(marked):
        yield from titles


def _has_text(lines: Sequence[str | None], index: int) -> bool:
    """True when a text that is no item, and does not go on with the line, stands below it."""
    following = next((each for each in range(index + 1, len(lines)) if lines[each] != ""), None)
    if following is None:
        return False
    text = lines[following]
    if text is None:
        return True
    is_wrapped = following == index + 1 and (text[:1].isspace() or text[:1].islower())
    return not is_wrapped and _NUMBER.match(text) is None
