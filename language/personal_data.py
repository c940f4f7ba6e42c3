"""Personal data with a form of its own: addresses and numbers that a pattern or a checksum tells.

Names, postal addresses and dates of birth have no such form; only a trained model finds them.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal, get_args

PersonalKind = Literal["email", "iban", "credit_card", "us_ssn", "ip", "phone"]
KINDS: Final[tuple[PersonalKind, ...]] = get_args(PersonalKind)

MASK: Final = "\u2022"
"""One for each code point, so that all offsets in and after a masked text stay what they were."""

CONTEXT_CHARS: Final = 40
"""How far before a bare number the word may stand that says it is a telephone."""

MIN_PHONE_DIGITS: Final = 7
MAX_PHONE_DIGITS: Final = 15
"""ITU-T E.164 allows fifteen; with fewer than seven no subscriber is reached from outside."""


@dataclass(frozen=True, kw_only=True)
class PersonalSpan:
    """Code points `text[start:end]` that are personal data."""

    start: int
    end: int
    kind: PersonalKind


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A text with its personal data covered; as long as the original and equal outside `spans`."""

    text: str
    spans: tuple[PersonalSpan, ...]


def personal_spans(text: str) -> tuple[PersonalSpan, ...]:
    """The personal data in the text, in order, without overlaps."""
    found: list[PersonalSpan] = []
    taken = bytearray(len(text))
    for kind in KINDS:
        pattern, is_one = _RECOGNISERS[kind]
        for match in pattern.finditer(text):
            start, end = match.span()
            if not any(taken[start:end]) and is_one(match):
                taken[start:end] = bytes([1]) * (end - start)
                found.append(PersonalSpan(start=start, end=end, kind=kind))
    return tuple(sorted(found, key=lambda span: span.start))


def masked(text: str) -> Masked:
    """The text to show to somebody who must not see personal data.

    Quotes stay checkable: every code point outside the spans is verbatim and where it was.
    """
    spans = personal_spans(text)
    pieces = _pieces(text, spans, lambda span: MASK * (span.end - span.start))
    return Masked(text="".join(pieces), spans=spans)


def labelled(text: str) -> str:
    """The text with each piece of personal data replaced by its kind, such as '[email]'."""
    return "".join(_pieces(text, personal_spans(text), lambda span: f"[{span.kind}]"))


def _pieces(
    text: str, spans: tuple[PersonalSpan, ...], cover: Callable[[PersonalSpan], str]
) -> Iterator[str]:
    position = 0
    for span in spans:
        yield text[position : span.start]
        yield cover(span)
        position = span.end
    yield text[position:]


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
Maestro: beside the checksum, which one number of ten passes by chance."""

_SSN: Final = re.compile(
    r"(?<![\w-])(?!000|666|9)\d{3}(?P<gap>[- ]?)(?!00)\d{2}(?P=gap)(?!0000)\d{4}(?![\w-])"
)
_SSN_WORD: Final = re.compile(r"\bssn\b|social security", re.IGNORECASE)
_IP: Final = re.compile(
    r"(?<![\w.:/])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![\w:/]|\.\d)",
    re.IGNORECASE,
)
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
"""National numbers with their trunk prefix have nine to eleven; shorter ones are codes of parts."""


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdecimal())


def _always(_match: re.Match[str]) -> bool:
    return True


def _is_iban(match: re.Match[str]) -> bool:
    """Source: ISO 13616; letters count from 10 on and the whole is 1 modulo 97."""
    plain = match[0].replace(" ", "").upper()
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def _is_card(match: re.Match[str]) -> bool:
    digits = _digits(match[0])
    return _ISSUER.fullmatch(digits) is not None and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    """Source: ISO/IEC 7812-1; from the right every second digit counts twice, as a digit sum."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0  # noqa: PLR2004


def _is_ssn(match: re.Match[str]) -> bool:
    return match["gap"] == "-" or _SSN_WORD.search(_before(match)) is not None


def _is_public_address(match: re.Match[str]) -> bool:
    """Those of private networks, of whole networks and of the machine itself are nobody's."""
    try:
        return ip_address(match[0]).is_global and not match[0].endswith((".0", "::"))
    except ValueError:
        return False


def _is_phone(match: re.Match[str]) -> bool:
    text = match[0]
    main = re.split(r"\s?(?:x|ext)", text)[0]
    digits = _digits(main)
    if not MIN_PHONE_DIGITS <= len(digits) <= MAX_PHONE_DIGITS or len(set(digits)) == 1:
        return False
    if text.startswith("+") or _GROUPED.fullmatch(main) or re.match(r"00[1-9]", text):
        return len(digits) >= MIN_TRUNK_DIGITS
    return _PHONE_WORD.search(_before(match)) is not None


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - CONTEXT_CHARS) : match.start()]


_RECOGNISERS: Final[dict[PersonalKind, tuple[re.Pattern[str], Callable[[re.Match[str]], bool]]]] = {
    "email": (_EMAIL, _always),
    "iban": (_IBAN, _is_iban),
    "credit_card": (_CARD, _is_card),
    "us_ssn": (_SSN, _is_ssn),
    "ip": (_IP, _is_public_address),
    "phone": (_PHONE, _is_phone),
}
"""By falling certainty: a number that is several kinds is the first one."""
