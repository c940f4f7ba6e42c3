"""Units of measure: where they stand in a header, what they measure, and how much of it."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from kb.text import word_set

_CURRENCY: Final = (
    r"(?:US\$|[$\u20ac\u00a3\u00a5\u20b9]|(?:USD|EUR|GBP|JPY|INR|CHF|CAD|AUD|CNY|SEK|NOK|DKK|PLN)"
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
"""What a header may give as the unit of its column."""
_IN_BRACKETS: Final = re.compile(r"(?P<name>[^()\[\]]*+)[(\[](?P<unit>[^()\[\]]{1,30})[)\]]")
_MAX_HEADER_CHARS: Final = 80
"""A longer header is a sentence."""
_MAX_UNIT_WORDS: Final = 4
_NEVER_A_LAST_WORD: Final = frozenset("AKNTLdl")
"""In "Plan A" and "Vitamin D" a letter names something; "Distance m" is in metres."""
_COUNTED_AFTER: Final = word_set("of per by for and or to from the a pro je par")
"""In "Number of weeks" the weeks are what is counted."""
_UNIT_WORD: Final = re.compile(r"[a-z]{4,}s", re.IGNORECASE)
_SLASH_UNIT: Final = re.compile(r"(?<=\w{3})/(?=[^/\s]{1,5}$)")
"""`Weight/kg`, as ISO 80000 writes it."""
_SCALED_MONEY: Final = r"[kMT](?:USD|EUR|GBP|JPY|INR|CHF|CAD|AUD|CNY|SEK|NOK|DKK|PLN)"
UNIT_AFTER: Final = re.compile(rf"[ \u00a0-]?(?P<unit>{_MEASURE}|{_SCALED_MONEY})(?!\w)")
UNIT_BEFORE: Final = re.compile(rf"(?<!\w)(?P<unit>{_SCALED_MONEY})[ \u00a0]?$")
"""The units beside a number that `find_measures` does not know."""
_SCALE_BY_WORD: Final = (
    dict.fromkeys(("hundred", "hundreds"), Decimal(100))
    | dict.fromkeys(("k", "t", "tsd", "000", "000s", "thousand", "thousands"), Decimal(1000))
    | dict.fromkeys(("m", "mn", "mio", "million", "millions"), Decimal(10**6))
    | dict.fromkeys(("bn", "mrd", "billion", "billions"), Decimal(10**9))
)
_CURRENCY_BY_SIGN: Final = {
    "$": "USD",
    "us$": "USD",
    "dollar": "USD",
    "\u20ac": "EUR",
    "euro": "EUR",
    "\u00a3": "GBP",
    "pound": "GBP",
    "\u00a5": "JPY",
    "yen": "JPY",
    "\u20b9": "INR",
    "franc": "CHF",
    "franken": "CHF",
} | {code.lower(): code for code in word_set("USD EUR GBP JPY INR CHF CAD AUD CNY SEK NOK DKK PLN")}
_MEASURES: Final = {
    "length": "\u00b5m .000001 mm .001 cm .01 dm .1 m 1 km 1000",
    "mass": "mg .001 g 1 kg 1000 t 1000000 tonne 1000000",
    "time": "ms .001 s 1 sec 1 second 1 min 60 minute 60 h 3600 hr 3600 hour 3600 d 86400 "
    "day 86400 week 604800 tag 86400 tage 86400 woche 604800 wochen 604800 stunde 3600 "
    "stunden 3600 minuten 60 jour 86400 semaine 604800 heure 3600",
    "months": "month 1 year 12 monat 1 monate 1 jahr 12 jahre 12 mois 1 ans 12",
    "volume": "ml .001 cl .01 dl .1 l 1 litre 1 liter 1",
    "electric current": "mA .001 A 1",
    "voltage": "mV .001 V 1 kV 1000",
    "power": "mW .001 W 1 kW 1000 MW 1000000",
    "frequency": "hz 1 khz 1000 mhz 1000000 ghz 1000000000",
    "pressure": "pa 1 kpa 1000 mbar 100 bar 100000",
    "percent": "% 1 percent 1 pct 1",
    "": "piece 1 pcs 1 unit 1 fte 1",
}
_FACTOR_BY_UNIT: Final = {
    unit: (dimension, Decimal(factor))
    for dimension, units in _MEASURES.items()
    for unit, factor in zip(units.split()[::2], units.split()[1::2], strict=True)
}
_PER: Final = re.compile(r" ?/ ?| per | a | pro | par ")
_MONEY_WORD: Final = re.compile(r"US\$|[$\u20ac\u00a3\u00a5\u20b9]|[^\W\d_]+|000s?")


@lru_cache(maxsize=4096)
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


@lru_cache(maxsize=1024)
def read_unit(unit: str) -> tuple[str, Decimal]:
    """What a unit measures, and how much of the base unit of that it is."""
    # What it is counted by is no other unit: "EUR 31,200 a year" and "EUR 31,200" agree.
    base = _PER.split(unit, maxsplit=1)[0]
    words = [word.lower() for word in _MONEY_WORD.findall(base)]
    currency = next(filter(None, map(_currency, words)), "")
    scales = [_scale(word, is_money=bool(currency)) for word in words]
    factor = next((scale for scale in scales if scale != 1), Decimal(1))
    if currency or factor != 1:
        return currency, factor
    name = base.strip(" .")
    for spelling in (name, name.lower(), name.lower().removesuffix("s")):
        if spelling in _FACTOR_BY_UNIT:
            return _FACTOR_BY_UNIT[spelling]
    return name.lower(), factor


def _currency(word: str) -> str:
    for spelling in (word, word.removesuffix("s"), word[1:] if word[0] in "kmt" else word):
        if spelling in _CURRENCY_BY_SIGN:
            return _CURRENCY_BY_SIGN[spelling]
    return ""


def _scale(word: str, *, is_money: bool) -> Decimal:
    if len(word) > 1 and _currency(word) and word not in _CURRENCY_BY_SIGN:
        # The first letter of "kEUR"; "euros" has none.
        word = word[0] if word[1:] in _CURRENCY_BY_SIGN else ""
    # A lone "m" is metres but in "EUR m".
    return _SCALE_BY_WORD.get(word, Decimal(1)) if is_money or len(word) > 1 else Decimal(1)
