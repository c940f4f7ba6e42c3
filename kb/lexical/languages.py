"""Which Snowball stemmer reads which language."""

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
    code = (language or "").replace("_", "-").partition("-")[0].lower()
    return _SNOWBALL_BY_CODE.get(code, _DEFAULT)
