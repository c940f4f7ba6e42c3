"""Maps languages to their stemmers, and to the numbers under which the index stores them."""

from typing import Final

_DEFAULT: Final = "english"

# ISO 639-1 code to Snowball algorithm, all that PyStemmer 3.1 has. Chinese, Japanese, Korean and
# Thai need none: their words are cut into bigrams.
_SNOWBALL_BY_CODE: Final = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "st": "sesotho",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}


def snowball_algorithm(language: str | None) -> str:
    """The stemmer's name for a code such as 'de' or 'pt-BR'; English for None and unknown codes."""
    return _SNOWBALL_BY_CODE.get(_primary(language), _DEFAULT)


def number_of(language: str | None) -> int:
    """The language without its region as a number below 2**64; 0 for None."""
    return int.from_bytes(_primary(language).encode()[:8], "big")


def language_of(number: int) -> str | None:
    """The language of `number_of`, 'pt' for 'pt-BR'; None for 0."""
    code = number.to_bytes(8, "big").lstrip(b"\0").decode(errors="replace")
    return code or None


def _primary(language: str | None) -> str:
    return (language or "").replace("_", "-").partition("-")[0].lower()
