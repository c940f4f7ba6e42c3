"""Reading text: where its sentences are, its folded form with offsets back, what a word is.

Sentence rules and small words are English; other languages get their punctuation right, no more.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

# The standard library knows no grapheme clusters; rules of our own would miss flags and Hangul.
import regex  # type: ignore[import-untyped]  # ships no type information

from language.remembered import remembered

# A flag is two signs. `\X` alone counts from the first sign of a row for each flag in it.
GRAPHEME = regex.compile(r"\p{GCB=RI}{2}[\p{GCB=EX}\p{GCB=SM}\p{GCB=ZWJ}]*+|\X")

MAX_MARKS: Final = 30
"""On one letter; as many as Unicode's stream-safe text format (UAX 15) lets pass."""

# The two half-width marks of Japanese are letters, but decompose into marks.
_MARK: Final = r"[\p{M}\uff9e\uff9f]"
_TOO_MANY_MARKS: Final = regex.compile(rf"({_MARK}{{{MAX_MARKS}}}){_MARK}+")


class Span(NamedTuple):
    """Code points `text[start:end]`."""

    start: int
    end: int


def word_set(words: str) -> frozenset[str]:
    """The words of a blank-separated list: easier to read and to merge than a list of strings."""
    return frozenset(words.split())


def normal_form(form: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """The normal form of the text, whose letters keep at most MAX_MARKS marks each.

    unicodedata sorts the marks of a letter in time that grows as the square of their number: 40,000
    of them take a second.
    """
    if text.isascii():
        return text
    return unicodedata.normalize(form, _TOO_MANY_MARKS.sub(r"\1", text))


def is_text(text: str) -> bool:
    """False with NUL or half a surrogate pair, which Postgres cannot store."""
    try:
        # Fifty times as fast as a look at each character.
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


# --- Sentences -----------------------------------------------------------------------------------

WRAPPED_LINE_CHARS: Final = 60
"""A line at least this long that ends without punctuation was wrapped, so its sentence goes on."""

_ABBREVIATIONS: Final = word_set(
    "mr mrs ms dr prof st sr jr rev gen col sgt capt lt hon gov sen rep messrs mt ft fig figs no "
    "nos vol vols pp p ch sec art para ed eds vs v cf approx dept est min max tel ext inc ltd co "
    "corp bros plc llc al jan feb mar apr jun jul aug sept sep oct nov dec mon tue wed thu fri sat "
    "sun e.g i.e eg ie a.k.a viz resp incl excl ca c dist univ assn ave blvd rd op"
)
_ENDS_EITHER_WAY: Final = word_set("etc inc ltd co corp plc llc jr sr st no a.m p.m al")
"""Abbreviations that a sentence may end with: the next word decides."""

_OPENERS: Final = word_set(
    "the a an in on at it its he she they we you i this that these those there if when while "
    "after before as for from to by with but and however his her their our my all some many most "
    "each every no not since during although because under what who where how then thus so "
    "similarly"
)
"""Words with a capital letter that begin a sentence rather than go on with a name."""

_MONTHS_AFTER_ORDINAL: Final = word_set(
    "januar j\u00e4nner februar m\u00e4rz april mai juni juli august september oktober november "
    "dezember"
)
"""In German a day of the month ends with a full stop."""

_BREAK: Final = re.compile(
    r"(?<![.!?\u2026])[.!?\u2026]++[\"'\u201d\u2019\u00bb)\]]*+(?:\[[^\]\n]{1,12}\]){0,30}+(?=\s|$)"
    r"|[\u3002\uff01\uff1f\uff61]+[\u300d\u300f\u201d\u2019\uff09\"]*"
    r"|\n"
)
_LIST_MARKER: Final = re.compile(
    r"\s*(?:[-*\u2022\u25e6\u25aa\u2013\u2014\u00b7]\s|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s|#{1,6}\s)"
)
_ITEM_NUMBER: Final = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})")
_BLANK: Final = re.compile(r"\s++")
_WORD_BEFORE: Final = re.compile(r"(?:^|[\s(\[\"'\u201c\u2018/-])((?:[^\W\d_]\.)*[^\W_]+)$")
_WORD_AFTER: Final = re.compile(r"\s*[\"'\u201c\u2018\u00ab(\[]*([\w']*)")


def sentences(text: str) -> list[Span]:
    """The sentences in order, without the white space around them; none for blank text.

    A list item, a table row or a heading on its own line is a sentence of its own. Decimals,
    abbreviations, initials and list markers end none.
    """
    spans: list[Span] = []
    opening = _BLANK.match(text)
    start = opening.end() if opening else 0
    for match in (*_BREAK.finditer(text), None):
        if match is not None and not _ends_sentence(text, start, match):
            continue
        end = match.end() if match is not None else len(text)
        piece = text[start:end]
        bare = piece.strip()
        if bare:
            begin = start + piece.index(bare[0])
            spans.append(Span(begin, begin + len(bare)))
        blank = _BLANK.match(text, end)
        start = max(start, blank.end() if blank else end)
    return spans


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    """True when the mark or line break that `match` found ends the sentence from `start`."""
    mark = match.group()[0]
    if mark == "\n":
        return _ends_line(text, start, match.start())
    if mark in "\u3002\uff01\uff1f\uff61":
        return True
    after = _WORD_AFTER.match(text, match.end())
    following = after.group(1) if after else ""
    if following[:1].islower():
        # A new line with a lower-case word goes on; so does "etc. and".
        return False
    return mark != "." or match.group() == "..." or _full_stop_ends(text, start, match, following)


def _full_stop_ends(text: str, start: int, match: re.Match[str], following: str) -> bool:
    """False for a full stop of an abbreviation, an initial, an item's number or a German date."""
    # The space before the sentence shows that a word begins there.
    begin = start - text[start - 1 : start].isspace()
    before = _WORD_BEFORE.search(text, max(begin, match.start() - 24), match.start())
    word = before.group(1) if before else ""
    lowered = word.casefold()
    if _ITEM_NUMBER.fullmatch(text, start, match.start()):
        return False
    if word.isdecimal() and following.casefold() in _MONTHS_AFTER_ORDINAL:
        return False
    is_initial = len(word) == 1 and word.isalpha() and word.isupper()
    if not (is_initial or "." in word or lowered in _ABBREVIATIONS or lowered in _ENDS_EITHER_WAY):
        return True
    if lowered in {"no", "nos"}:
        return not following[:1].isdigit()
    is_strict = lowered in _ABBREVIATIONS and lowered not in _ENDS_EITHER_WAY
    return (is_initial or not is_strict) and following.casefold() in _OPENERS


def _ends_line(text: str, start: int, newline: int) -> bool:
    line_start = max(start, text.rfind("\n", 0, newline) + 1)
    line = text[line_start:newline].strip()
    next_end = text.find("\n", newline + 1)
    following = text[newline + 1 : next_end if next_end >= 0 else len(text)]
    if not line or not following.strip() or _LIST_MARKER.match(following):
        return True
    if "|" in line or "\t" in line or "|" in following or "\t" in following:
        return True
    if following.lstrip()[0].islower():
        return False
    return len(line) < WRAPPED_LINE_CHARS or line[-1] in ":;"


# --- Folding -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Folded:
    """Text in the form in which two spellings of one thing are equal, and the way back.

    Character i comes from `original[starts[i]:ends[i]]`; several characters may share an origin.
    """

    text: str
    starts: list[int]
    ends: list[int]

    def origin(self, start: int, end: int) -> Span | None:
        """The span of `text[start:end]` in the original; None when a cut splits a character."""
        if start >= end:
            return None
        splits_first = start > 0 and self.starts[start - 1] == self.starts[start]
        splits_last = end < len(self.text) and self.starts[end] == self.starts[end - 1]
        return None if splits_first or splits_last else Span(self.starts[start], self.ends[end - 1])


_SAME: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b`\u00b4\u2032\uff07", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-")
)
_IRREGULAR_SPACE: Final = re.compile(
    r"[\t\n\r\f\v\x1c-\x1f][ \t\n\r\f\v\x1c-\x1f]*| [ \t\n\r\f\v\x1c-\x1f]+"
)
# A letter before a foreign character may carry it as an accent: both belong to one cluster.
_NOT_PLAIN: Final = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")


def fold(text: str) -> Folded:
    """NFKC and case folding, one kind of quote, dash and space, nothing invisible; with offsets.

    Superscripts, subscripts and fractions stay as they are: 10² is not 102.
    """
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    for island in _NOT_PLAIN.finditer(text):
        _fold_ascii(text, Span(position, island.start()), (characters, starts, ends))
        for cluster in GRAPHEME.finditer(text, island.start(), island.end()):
            piece = _fold_cluster(cluster.group())
            if piece == " " and characters and characters[-1][-1] == " ":
                ends[-1] = cluster.end()
            elif piece:
                characters.append(piece)
                starts += [cluster.start()] * len(piece)
                ends += [cluster.end()] * len(piece)
        position = island.end()
    _fold_ascii(text, Span(position, len(text)), (characters, starts, ends))
    return Folded(text="".join(characters), starts=starts, ends=ends)


def _fold_ascii(text: str, span: Span, folded: tuple[list[str], list[int], list[int]]) -> None:
    characters, starts, ends = folded
    position, stop = span
    while position < stop:
        irregular = _IRREGULAR_SPACE.search(text, position, stop)
        edge = irregular.start() if irregular else stop
        if position < edge and text[position] == " " and characters and characters[-1][-1] == " ":
            # A foreign space came just before.
            ends[-1] = position = position + 1
        if position < edge:
            characters.append(text[position:edge].lower().replace("`", "'"))
            starts += range(position, edge)
            ends += range(position + 1, edge + 1)
        if irregular:
            if characters and characters[-1][-1] == " ":
                ends[-1] = irregular.end()
            else:
                characters.append(" ")
                starts.append(irregular.start())
                ends.append(irregular.end())
        position = irregular.end() if irregular else stop


@remembered(8192)
def _fold_cluster(cluster: str) -> str:
    """The folded characters of a cluster; a superscript, subscript or fraction stays."""
    translated = cluster.translate(_SAME)
    for character in translated:
        kind, *parts = unicodedata.decomposition(character).split() or [""]
        # A lone accent would fold to a space with the accent on it.
        is_lone_accent = "0020" in parts and len(parts) > 1
        if kind in {"<super>", "<sub>", "<fraction>"} or is_lone_accent:
            return translated
    folded = normal_form("NFKC", normal_form("NFKC", translated).casefold())
    visible = "".join(c for c in folded.translate(_SAME) if unicodedata.category(c) != "Cf")
    return " " if visible.isspace() else visible


def grapheme_borders(text: str) -> frozenset[int] | None:
    """Offsets where text may be cut; None when every offset is one (plain ASCII, no CRLF)."""
    if text.isascii() and "\r\n" not in text:
        return None
    return frozenset((0, *(match.end() for match in GRAPHEME.finditer(text))))


# --- Words ---------------------------------------------------------------------------------------

STOP_WORDS: Final = word_set(
    "a about above after again against all also am an and any are aren't as at be because been "
    "before being below between both but by can cannot could couldn't did didn't do does doesn't "
    "doing don't down during each else even ever every few for from further had hadn't has hasn't "
    "have haven't having he her here hers herself him himself his how however i if in into is "
    "isn't it its itself just let many may me might more most much must mustn't my myself neither "
    "no nor not of off on once only onto or other ought our ours ourselves out over own per "
    "rather same shall shan't she should shouldn't since so some such than that the their theirs "
    "them themselves then there thereby therefore these they this those though through thus to "
    "too toward towards under unless until up upon us very was wasn't we were weren't what "
    "whatever when where whereas whether which while who whom whose why will with within without "
    "won't would wouldn't yet you your yours yourself yourselves"
)

UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U000323af"
)
"""Scripts without spaces between words, as the inside of a character class."""

_MARKS: Final = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0981-\u0df3"
)
WORD_PATTERN: Final = rf"(?:[^\W_{UNSPACED}]|[{_MARKS}])+"


def is_unspaced(character: str) -> bool:
    """True for a letter of a script that puts no spaces between words."""
    return character > "\u0dff" and _UNSPACED_CHARACTER.match(character) is not None


_UNSPACED_CHARACTER: Final = re.compile(f"[{UNSPACED}]")
