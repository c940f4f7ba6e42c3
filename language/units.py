"""Units of measure, in the header of a column and beside a number."""

import re
from typing import Final, NamedTuple

from language.numbers import CURRENCIES, Measure, Quantity, find_measures, says
from language.remembered import remembered
from language.text import word_set

_CODES: Final = "|".join(sorted(CURRENCIES))
_CURRENCY: Final = (
    rf"(?:US\$|[$\u20ac\u00a3\u00a5\u20b9]|(?:{_CODES})"
    r"(?![A-Z])|(?i:euros?|dollars?|francs?|franken|pounds?|yen)(?!\w))"
)
_SCALE_WORD: Final = r"(?i:hundreds?|thousands?|millions?|billions?|mn|mio|bn|mrd|tsd)\.?"
_MONEY: Final = (
    rf"(?:{_SCALE_WORD} (?:of )?|[kMT])?{_CURRENCY}(?: {_SCALE_WORD}| ?(?:[kmM]|bn|'?000s?)(?!\w))?"
)
_MEASURE: Final = (
    r"(?:%|\u2030|\u00b0[CF]?|K|[num\u00b5kcd]?m[\u00b2\u00b3]?|[kMG]?Hz|[mkMG]?Wh?|[mk\u00b5]?[VA]"
    r"|[mk\u00b5]?g|t|[mcd]?[lL]|Nm?|[kMm]?Pa|m?bar|dB|[kMGT]i?B|[num\u00b5]?s|min|h|d|FTE|rpm|px"
    r"|(?i:percent(?:age points?)?|per cent|pct|degrees?|tonnes?|litres?|liters?|bits?|inch(?:es)?"
    r"|feet|ft|lbs?|miles?|pieces?|pcs|units?|secs?|seconds?|minutes?|hrs?|hours?|days?|weeks?"
    r"|months?|years?|tage?n?|wochen?|monate?n?|jahre?n?|stunden?|minuten|jours?|semaines?|mois|ans"
    r"|heures?))"
)
_EACH: Final = r"(?:(?: ?/ ?| per | a | pro | par )[\w\u00b2\u00b3%]{1,12}(?: [a-z]{1,12})?)?"
_UNIT: Final = re.compile(rf"(?:in )?(?P<unit>(?:{_MONEY}|{_MEASURE}){_EACH}|{_SCALE_WORD})")
"""Units that a header may give for its column."""
_IN_BRACKETS: Final = re.compile(r"(?P<name>[^()\[\]]*+)[(\[](?P<unit>[^()\[\]]{1,30})[)\]]")
_MAX_HEADER_CHARS: Final = 80
"""A longer header is a sentence."""
_MAX_UNIT_WORDS: Final = 4
_MAX_UNIT_CHARS: Final = 6
_NEVER_A_LAST_WORD: Final = frozenset("AKNTLdl")
"""In "Plan A" and "Vitamin D" a letter names something; "Distance m" is in metres."""
_COUNTED_AFTER: Final = word_set("of per by for and or to from the a pro je par")
"""In "Number of weeks" the weeks are what is counted."""
_LEADING_CURRENCY: Final = re.compile(
    r"(?:US\$|[$\u20ac\u00a3\u00a5\u20b9]|[A-Z]{3}(?![A-Za-z]))(?= |$)"
)
_UNIT_WORD: Final = re.compile(r"[a-z]{4,}s", re.IGNORECASE)
_SLASH_UNIT: Final = re.compile(r"(?<=\w{3})/(?=[^/\s]{1,5}$)")
"""`Weight/kg`, as ISO 80000 writes it."""
_SCALED_MONEY: Final = rf"[kMT](?:{_CODES})"
_FACTOR_BY_PREFIX: Final = {"k": 1_000, "M": 10**6, "T": 1_000}
_UNIT_AFTER: Final = re.compile(rf"[ \u00a0-]?(?P<unit>{_MEASURE}|{_SCALED_MONEY})(?!\w)")
_UNIT_BEFORE: Final = re.compile(rf"(?<!\w)(?P<unit>{_SCALED_MONEY})[ \u00a0]?$")
"""The units beside a number that `find_measures` does not know."""


class Amount(NamedTuple):
    """`text[start:end]` says this number or date; `unit` is what it is in beside a currency."""

    start: int
    end: int
    measure: Measure
    unit: str

    @property
    def kind(self) -> str:
        """The unit, currency or kind of its number; "" for a bare one."""
        return self.unit or ("" if self.measure.kind == "plain" else self.measure.kind)

    def says(self, claim: "Amount") -> bool:
        """True for the same number in the same unit; a claim may leave out any but a percentage."""
        return claim.unit in {"", self.unit} and says(self.measure, claim.measure)


@remembered(4096)
def amounts_in(text: str) -> tuple[Amount, ...]:
    """The numbers and dates of a text with their units, in order."""
    found: list[Amount] = []
    for start, end, measure in find_measures(text):
        before = _UNIT_BEFORE.search(text, max(0, start - _MAX_UNIT_CHARS), start)
        after = _UNIT_AFTER.match(text, end)
        place = (before.start() if before else start, after.end() if after else end)
        unit = before or after
        name = unit["unit"] if unit else ""
        if isinstance(measure, Quantity) and name[1:] in CURRENCIES:
            scaled = Quantity(measure.value * _FACTOR_BY_PREFIX[name[0]], name[1:])
            found.append(Amount(*place, scaled, ""))
        else:
            found.append(Amount(*place, measure, name.lower().removesuffix("s")))
    return tuple(found)


@remembered(4096)
def split_header(header: str) -> tuple[str, str]:
    """The words of a header and the unit in it: `Price (EUR)` is `Price` in `EUR`."""
    if len(header) > _MAX_HEADER_CHARS:
        return header, ""
    bracketed = _IN_BRACKETS.fullmatch(header)
    if bracketed:
        unit = _UNIT.fullmatch(bracketed["unit"].strip())
        return (bracketed["name"].strip(" ,"), unit["unit"]) if unit else (header, "")
    words = _SLASH_UNIT.sub(" / ", header).split()
    for count in range(min(_MAX_UNIT_WORDS, len(words)), 0, -1):
        unit = _UNIT.fullmatch(" ".join(words[-count:]))
        if unit and _is_apart(words[:-count], unit["unit"]):
            return " ".join(words[:-count]).rstrip(" ,:/"), unit["unit"]
    return header, ""


def _is_apart(name: list[str], unit: str) -> bool:
    """True when the last words of a header are its unit and no part of its name."""
    if not name:
        return not _UNIT_WORD.fullmatch(unit)
    if name[-1].lower() in _COUNTED_AFTER or unit in _NEVER_A_LAST_WORD:
        return False
    # "Working hours" is one thing; "Lead time weeks" is a time in weeks.
    return len(name) > 1 or not _UNIT_WORD.fullmatch(unit) or name[-1].endswith((",", ":"))


def in_unit(number: str, unit: str) -> str:
    """`EUR 87.25`, `2 weeks`: a currency before the number, everything else behind it."""
    currency = _LEADING_CURRENCY.match(unit)
    if currency is None:
        return f"{number} {unit.removesuffix('s') if number == '1' and unit[3:] else unit}"
    return f"{currency[0]} {number}{unit[currency.end() :]}"
