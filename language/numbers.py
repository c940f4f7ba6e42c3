"""Numbers in text, in digits or in English words, in the form in which they can be compared."""

import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from language.dates import CalendarDate, find_dates
from language.text import UNSPACED, word_set

NEVER_BARE: Final = frozenset({"percent", "points", "ordinal", "decade"})
"""Units that change what the number means; a currency only names what is counted."""


class Quantity(NamedTuple):
    """A number; `unit` is percent, points, ordinal, a currency code, or None."""

    value: Decimal
    unit: str | None
    is_year: bool = False

    @property
    def kind(self) -> str:
        """Measures of one kind can be mistaken for each other."""
        return "year" if self.is_year else self.unit or "plain"

    @property
    def key(self) -> str:
        """A key that numbers share when either may stand for the other."""
        return f"#{self.value.normalize()}{self.unit if self.unit in NEVER_BARE else ''}"


Measure = Quantity | CalendarDate


class FoundMeasure(NamedTuple):
    """`text[start:end]` says this."""

    start: int
    end: int
    measure: Measure


def says(evidence: Measure, claim: Measure) -> bool:
    """True when the evidence's number or date says at least what the claim's says."""
    if isinstance(evidence, CalendarDate):
        if isinstance(claim, CalendarDate):
            return evidence.says(claim)
        return claim.is_year and claim.value == evidence.year
    if isinstance(claim, CalendarDate):
        return False
    # "20 euros" may be retold as "20"; five percent is not five.
    is_bare = claim.unit is None and evidence.unit not in NEVER_BARE
    return evidence.value == claim.value and (evidence.unit == claim.unit or is_bare)


CURRENCIES: Final = word_set("USD EUR GBP JPY INR CHF CAD AUD CNY SEK NOK DKK PLN")

_CURRENCY_BY_WORD: Final = {
    "$": "USD",
    "us$": "USD",
    "dollar": "USD",
    "\u20ac": "EUR",
    "euro": "EUR",
    "\u00a3": "GBP",
    "\u00a5": "JPY",
    "yen": "JPY",
    "\u20b9": "INR",
    "rupee": "INR",
} | {code.lower(): code for code in CURRENCIES}
_FACTOR_BY_SCALE: Final = {
    "hundred": 100,
    "k": 1_000,
    "thousand": 1_000,
    "m": 10**6,
    "mn": 10**6,
    "million": 10**6,
    "b": 10**9,
    "bn": 10**9,
    "billion": 10**9,
    "trillion": 10**12,
}
_CODES: Final = "|".join(sorted(CURRENCIES))
_LETTER: Final = rf"[^\W\d_{UNSPACED}]"
_DIGITS: Final = re.compile(
    rf"(?<!{_LETTER})(?<![\d_])(?<!\d[.,:/])"
    r"(?:\d{1,3}(?:(?:,\d{3})+|(?:[ \u00a0\u202f\u2009]\d{3})+|(?:'\d{3})+)(?!\d)(?:\.\d+)?"
    r"|\d+,\d{1,2}(?![\d,])|\d+(?:\.\d+)?)"
)
_SIGN: Final = re.compile(r"(?:^|[\s(\[=<>~])[-\u2212\u2013]$")
_CURRENCY_BEFORE: Final = re.compile(rf"(?:US)?[$\u20ac\u00a3\u00a5\u20b9] ?$|\b(?:{_CODES}) $")
_ORDINAL_ENDING: Final = re.compile(r"(?:st|nd|rd|th)(?!\w)")
_SCALE: Final = re.compile(
    rf"[ \u00a0-]?(?i:hundred|thousand|million|billion|trillion|mn|bn)(?!{_LETTER})|k(?!\w)"
)
_SCALE_OF_MONEY: Final = re.compile(r" ?[mMbBK](?!\w)")
_UNIT: Final = re.compile(
    r"[ \u00a0-]?(?:%|(?i:percent(?:age points?)?|per cent|pct)(?!\w)|[$\u20ac\u00a3\u00a5]"
    rf"|(?i:dollar|euro|yen|rupee)s?(?!\w)|(?:{_CODES})(?!\w))"
)
# 25km and 18-year-old are a number and a word; 42b, 10-K and 3.2.1 are identifiers.
_PLAIN_END: Final = re.compile(
    r"(?i:(?:[kcm]?m|[kmu]?g|m?l|[kmgt]b|[kmg]?hz|kwh?|mwh?|px|hrs?|h|min|m?s|ft|lbs?|oz)(?!\w))"
    rf"|-[^\W\d_A-Z{UNSPACED}]{{3,}}|[-\u2013]\$?\d|[^\w./:-]|[{UNSPACED}]|[./:-](?!\w)|$"
)
_IDENTIFIER_BEFORE: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,12}[-_/.]$|_$")
_DECADE_ENDING: Final = re.compile(r"'?s(?!\w)")
_RANGE: Final = re.compile(r"\s?(?:-|\u2013|to|and|or)\s?")
MIN_YEAR: Final = 1000
MAX_YEAR: Final = 2199


def find_measures(text: str) -> list[FoundMeasure]:
    """Numbers and dates in order, without overlaps; numbers inside identifiers are left out."""
    found: list[FoundMeasure] = []
    taken = bytearray(len(text))
    dates = (FoundMeasure(*date) for date in find_dates(text))
    digits = (number for each in _DIGITS.finditer(text) if (number := _read_number(text, each)))
    for measure in itertools.chain(dates, digits, _in_words(text)):
        place = slice(measure.start, measure.end)
        if not any(taken[place]):
            found.append(measure)
            taken[place] = b"\x01" * (measure.end - measure.start)
    found.sort()
    # In `5-10 %` and `between 5 and 10 percent` the unit belongs to both.
    for index in range(len(found) - 2, -1, -1):
        here, after = found[index], found[index + 1]
        if not (isinstance(here.measure, Quantity) and isinstance(after.measure, Quantity)):
            continue
        is_bare = here.measure.unit is None and after.measure.unit not in {None, "ordinal"}
        if is_bare and _RANGE.fullmatch(text, here.end, after.start):
            shared = Quantity(here.measure.value, after.measure.unit)
            found[index] = here._replace(measure=shared)
    return found


def _read_number(text: str, match: re.Match[str]) -> FoundMeasure | None:
    """The number with its sign, scale and unit; None for a part of an identifier."""
    start, end = match.span()
    if _IDENTIFIER_BEFORE.search(text, max(0, start - 12), start):
        return None
    digits = match.group()
    has_decimal_comma = re.search(r",\d{1,2}$", digits)
    value = Decimal(
        digits.replace(",", ".") if has_decimal_comma else re.sub(r"[,'\s]", "", digits)
    )
    if ordinal := _ORDINAL_ENDING.match(text, end):
        return FoundMeasure(start, ordinal.end(), Quantity(value, "ordinal"))
    is_year = digits.isdigit() and MIN_YEAR <= value <= MAX_YEAR
    if is_year and (decade := _DECADE_ENDING.match(text, end)):
        return FoundMeasure(start, decade.end(), Quantity(value, "decade"))
    before = _CURRENCY_BEFORE.search(text, max(0, start - 5), start)
    scale = _SCALE.match(text, end) or (_SCALE_OF_MONEY.match(text, end) if before else None)
    factor = _FACTOR_BY_SCALE[scale.group().strip(" \u00a0-").lower()] if scale else 1
    unit_end = scale.end() if scale else end
    after = _UNIT.match(text, unit_end)
    unit = _unit_name(after.group()) if after else None
    unit_end = after.end() if after else unit_end
    if unit_end == end and not _PLAIN_END.match(text, end):
        return None
    if before:
        start, unit = before.start(), unit or _unit_name(before.group())
    if _SIGN.search(text, max(0, start - 2), start):
        start, value = start - 1, -value
    is_year = is_year and unit is None and factor == 1
    return FoundMeasure(start, unit_end, Quantity(value * factor, unit, is_year))


def _unit_name(text: str) -> str:
    name = text.strip(" \u00a0-").lower()
    if name.startswith(("percentage", "percent", "per cent", "pct", "%")):
        return "points" if "point" in name else "percent"
    return _CURRENCY_BY_WORD[name if name in _CURRENCY_BY_WORD else name.removesuffix("s")]


# --- Number words --------------------------------------------------------------------------------

_UP_TO_NINETEEN: Final = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|"
    "fifteen|sixteen|seventeen|eighteen|nineteen"
)
_TENS: Final = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_UP_TO_TWENTIETH: Final = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|"
    "fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth"
)
_OTHER_LANGUAGES: Final = """
zwei deux
drei trois tres
vier quatre cuatro
fünf cinq cinco
sechs seis
sieben sept siete
acht huit ocho
neun nueve
zehn dix diez
elf onze
zwölf douze doce
"""
"""From two on; without words that mean something else in another of the languages, as `neuf`."""

_VALUE_BY_WORD: Final = (
    {
        word: value
        for value, line in enumerate(_OTHER_LANGUAGES.split("\n")[1:-1], start=2)
        for word in line.split()
    }
    | {word: value for value, word in enumerate(_UP_TO_NINETEEN.split("|"))}
    | {word: 10 * value for value, word in enumerate(_TENS.split("|"), start=2)}
    | {word: value for value, word in enumerate(_UP_TO_TWENTIETH.split("|"), start=1)}
)
_LARGE: Final = "hundred|thousand|million|billion|trillion"
_ONES: Final = rf"(?:{_UP_TO_NINETEEN}|{_TENS}|{'|'.join(_OTHER_LANGUAGES.split())})"
_NUMBER_WORDS: Final = re.compile(
    # "No one" and "one another" count nothing.
    rf"(?<![\w-])(?<!\bno )(?!one another|one's)"
    rf"(?:(?:{_ONES}|an?(?= (?:{_LARGE})\b))"
    r"(?:(?:[ -]|(?<=hundred) and |(?<=thousand) and )"
    rf"(?:{_ONES}|{_LARGE}|{_UP_TO_TWENTIETH})(?!\w))*"
    rf"|(?:{_UP_TO_TWENTIETH}))(?!\w)",
    re.IGNORECASE,
)
_NUMBER_WORD: Final = re.compile(r"\w+")


def _in_words(text: str) -> Iterator[FoundMeasure]:
    """The numbers written in words: `two hundred and five thousand` is (2 * 100 + 5) * 1000."""
    for match in _NUMBER_WORDS.finditer(text):
        words = _NUMBER_WORD.findall(match.group().lower())
        total = current = 0
        for word in words:
            factor = _FACTOR_BY_SCALE.get(word, 0)
            if factor == _FACTOR_BY_SCALE["hundred"]:
                current = max(current, 1) * factor
            elif factor:
                total += max(current, 1) * factor
                current = 0
            else:
                current += _VALUE_BY_WORD.get(word, 0)
        value, end = Decimal(total + current), match.end()
        is_ordinal = words[-1] in _UP_TO_TWENTIETH.split("|")
        after = None if is_ordinal else _UNIT.match(text, end)
        unit = _unit_name(after.group()) if after else "ordinal" if is_ordinal else None
        yield FoundMeasure(match.start(), after.end() if after else end, Quantity(value, unit))
