"""Finds and masks personal data that a pattern or a checksum recognises.

Names, postal addresses and dates of birth have no such form; only a trained model finds them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal, assert_never, get_args

from stdnum import iban, luhn

PersonalKind = Literal["email", "iban", "credit_card", "us_ssn", "ip", "phone"]
KINDS: Final[tuple[PersonalKind, ...]] = get_args(PersonalKind)
"""By falling certainty: a number that may be of several kinds is taken as the first."""

MASK: Final = "\u2022"
"""Covers one code point, so that no offset in or after a masked text changes."""

CONTEXT_CHARS: Final = 40
"""A word such as `phone` may stand so far before a bare number."""

MIN_PHONE_DIGITS: Final = 7
MAX_PHONE_DIGITS: Final = 15
"""ITU-T E.164 allows fifteen; numbers with fewer than seven are not reachable from outside."""


@dataclass(frozen=True, kw_only=True)
class PersonalSpan:
    """Code points `text[start:end]` of personal data."""

    start: int
    end: int
    kind: PersonalKind


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A text with its personal data covered: as long as the original, and equal outside `spans`."""

    text: str
    spans: tuple[PersonalSpan, ...]


def personal_spans(text: str) -> tuple[PersonalSpan, ...]:
    """The personal data in the text, in order, without overlaps."""
    spans: list[PersonalSpan] = []
    taken = bytearray(len(text))
    for kind in KINDS:
        for candidate in _PATTERNS[kind].finditer(text):
            start, end = candidate.span()
            if not any(taken[start:end]) and _is_personal(kind, candidate):
                taken[start:end] = bytes([1]) * (end - start)
                spans.append(PersonalSpan(start=start, end=end, kind=kind))
    return tuple(sorted(spans, key=lambda span: span.start))


def masked(text: str) -> Masked:
    """The text as it is shown to a viewer who must not see personal data.

    Quotes stay checkable: every code point outside the spans is verbatim and in its place.
    """
    spans = personal_spans(text)
    covered = _replaced(text, spans, lambda span: MASK * (span.end - span.start))
    return Masked(text=covered, spans=spans)


def labelled(text: str) -> str:
    """The text with each piece of personal data replaced by its kind, such as '[email]'."""
    return _replaced(text, personal_spans(text), lambda span: f"[{span.kind}]")


def _replaced(
    text: str, spans: tuple[PersonalSpan, ...], cover: Callable[[PersonalSpan], str]
) -> str:
    pieces: list[str] = []
    position = 0
    for span in spans:
        pieces += [text[position : span.start], cover(span)]
        position = span.end
    return "".join([*pieces, text[position:]])


# --- Recognisers ---------------------------------------------------------------------------------

_EMAIL: Final = re.compile(
    r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])"
)
_IBAN: Final = re.compile(
    r"(?<![^\W_])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![^\W_])", re.IGNORECASE
)
_CARD: Final = re.compile(r"(?<![\w.,-])\d(?:[ -]?\d){11,18}(?![\w-]|[.,]\d)")
_ISSUER: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|(?:2131|1800)\d{11}|35\d{14}"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"
)
"""Leading digits and lengths of Visa, Mastercard, American Express, Diners, Discover, JCB and
Maestro. One number in ten passes the checksum by chance, and python-stdnum knows no issuers."""

_SSN: Final = re.compile(
    r"(?<![\w-])(?!000|666|9)\d{3}(?P<gap>[- ]?)(?!00)\d{2}(?P=gap)(?!0000)\d{4}(?![\w-])"
)
_SSN_WORD: Final = re.compile(r"\bssn\b|social security", re.IGNORECASE)
_IP: Final = re.compile(
    r"(?<![\w.:/])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![\w:/]|\.\d)",
    re.IGNORECASE,
)
# phonenumbers needs to be told the country. On the held-out texts of `eval pii` it finds 8 of 55
# numbers as valid ones of the US, or all of them with 716 wrong ones; these patterns find 37 and no
# wrong one, in two thirds of the time.
_PHONE: Final = re.compile(
    r"(?<![\w.,/:#$\u20ac\u00a3-])\+?\(?\d{1,15}+\)?"
    r"(?>(?:[ .-]|\s?/\s?|(?<=\))|(?=\())\(?\d{1,15}+\)?+){0,7}(?:\s?(?:x|ext\.?)\s?\d{1,6})?"
    r"(?![\w%/]|[.,:-]\d)"
)
_PHONE_WORD: Final = re.compile(
    r"\b(?:tele)?(?:phones?|fax|tel|mobile|cell|whats?app|hotline)\b|\b(?:call|dial|ring|reach)\b"
    r"(?! (?:back|for|off))|\b(?:my|your|contact|his|her|office) number\b",
    re.IGNORECASE,
)
_GROUPED: Final = re.compile(
    # (206) 555-0132, 206-555-0132, 206.555.0132: North America.
    r"\(\d{3}\) ?\d{3}[ .-]\d{4}|(?:1[ .-])?\d{3}(?P<gap>[.-])\d{3}(?P=gap)\d{4}"
    # 0660 565 36 45, 030/1234567: a trunk prefix, as in most of the world.
    r"|\(?0[1-9]\d{0,3}\)?[ /-]\d{2,8}(?:[ -]\d{2,5}){0,3}"
)

MIN_TRUNK_DIGITS: Final = 9
"""National numbers with their trunk prefix have nine to eleven; shorter ones are part numbers."""


_PATTERNS: Final[dict[PersonalKind, re.Pattern[str]]] = {
    "email": _EMAIL,
    "iban": _IBAN,
    "credit_card": _CARD,
    "us_ssn": _SSN,
    "ip": _IP,
    "phone": _PHONE,
}


def _is_personal(kind: PersonalKind, candidate: re.Match[str]) -> bool:
    """True when what the kind's pattern found is personal data by its checksum or context."""
    text = candidate[0]
    before = candidate.string[max(0, candidate.start() - CONTEXT_CHARS) : candidate.start()]
    match kind:
        case "email":
            return True
        case "iban":
            # The country's own check digits are left out: they cost 20 % more and caught nothing.
            return iban.is_valid(text, check_country=False)
        case "credit_card":
            digits = "".join(filter(str.isdecimal, text))
            return _ISSUER.fullmatch(digits) is not None and luhn.is_valid(digits)
        case "us_ssn":
            return candidate["gap"] == "-" or _SSN_WORD.search(before) is not None
        case "ip":
            return _is_public_address(text)
        case "phone":
            return _is_phone(text, before)
        case _:
            assert_never(kind)


def _is_public_address(text: str) -> bool:
    """False for addresses of private networks, of whole networks and of the machine itself."""
    try:
        return ip_address(text).is_global and not text.endswith((".0", "::"))
    except ValueError:
        return False


def _is_phone(text: str, before: str) -> bool:
    """True for a number with a country code, in a national grouping, or after a word for phones."""
    main = re.split(r"\s?(?:x|ext)", text)[0]
    digits = "".join(filter(str.isdecimal, main))
    if not MIN_PHONE_DIGITS <= len(digits) <= MAX_PHONE_DIGITS or len(set(digits)) == 1:
        return False
    if text.startswith("+") or _GROUPED.fullmatch(main) or re.match(r"00[1-9]", text):
        return len(digits) >= MIN_TRUNK_DIGITS
    return _PHONE_WORD.search(before) is not None
