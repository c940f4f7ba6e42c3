"""Words of each language by their role in a sentence: bounds, modals, quantifiers, negations.

The names of the classes are the same in all languages; the rules of `vetoes` speak of classes.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, cast

from language.stems import stem
from language.text import word_set

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "nl", "pt")
"""In order of preference: a text without a known function word is read as English."""

NO_PHRASES: Final = frozenset({"exclusive", "antonym", "generic", "same"})
"""Tables of single words."""

FOLDER: Final = Path(__file__).with_name("lexicons")

_Table = Mapping[str, Mapping[str, str | Sequence[str]] | str]


class Phrase(NamedTuple):
    """Folded words that belong to a class of a group: `up to` is `max` of `bound`."""

    words: tuple[str, ...]
    group: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """One language. `sides_by_stem`: in which sets of words that exclude each other a word is."""

    language: str
    function_words: frozenset[str]
    clause_words: frozenset[str]
    phrases: Mapping[str, Sequence[Phrase]]
    """By their first word, the longest first."""
    exclusive: Mapping[str, Sequence[tuple[int, int]]]
    """For a stem the number of each set that holds it, and the side it is on."""
    antonyms: Mapping[str, Sequence[tuple[int, int]]]
    generic: frozenset[str]
    """Stems that say nothing of what sets two statements on one thing apart: `has`, `amounts`."""
    same: Mapping[str, str]
    """For a stem the first one that means the same."""
    has_plain_nouns: bool
    """True where a capital inside a sentence makes a name: not in German."""

    def phrases_at(self, words: Sequence[str], start: int) -> Iterator[Phrase]:
        """The phrases that begin here, of each group the longest."""
        seen: set[str] = set()
        for phrase in self.phrases.get(words[start], ()):
            end = start + len(phrase.words)
            if phrase.group not in seen and tuple(words[start:end]) == phrase.words:
                seen.add(phrase.group)
                yield phrase


@lru_cache(maxsize=len(LANGUAGES))
def lexicon(language: str) -> Lexicon:
    """The words of a language, read from its file."""
    with (FOLDER / f"{language}.toml").open("rb") as file:
        table = cast("_Table", tomllib.load(file))

    phrases: dict[str, list[Phrase]] = {}
    for group, names in table.items():
        if isinstance(names, str) or group in NO_PHRASES:
            continue
        for name, listed in names.items():
            for words in filter(None, (tuple(each.split()) for each in str(listed).split("|"))):
                phrases.setdefault(words[0], []).append(Phrase(words, group, name))
    for beginning_alike in phrases.values():
        beginning_alike.sort(key=lambda phrase: -len(phrase.words))

    same: dict[str, str] = {}
    for line in _entry(table, "same", "sets"):
        first, *others = map(stem, line.split())
        for word in others:
            same.setdefault(word, same.get(first, first))

    generic = " ".join(_entry(table, "generic", "words"))
    return Lexicon(
        language=language,
        function_words=word_set(str(table["function"])),
        clause_words=word_set(str(table.get("clause", ""))),
        phrases=phrases,
        exclusive=_sides(_entry(table, "exclusive", "sets")),
        antonyms=_sides(_entry(table, "antonym", "pairs")),
        generic=frozenset(map(stem, generic.split())),
        same=same,
        has_plain_nouns=language != "de",
    )


def lexicon_of(words: Sequence[str]) -> Lexicon:
    """The lexicon of the language that knows most of these words."""
    lexicons = [lexicon(language) for language in LANGUAGES]
    return max(
        lexicons,
        key=lambda each: sum(
            (word in each.function_words) + (word in each.phrases) for word in words
        ),
    )


def _entry(table: _Table, group: str, name: str) -> list[str]:
    found = cast("Mapping[str, str | Sequence[str]]", table.get(group, {name: ""}))[name]
    return found.strip().splitlines() if isinstance(found, str) else list(found)


def _sides(lines: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(lines):
        for side, words in enumerate(line.split("|")):
            for word in dict.fromkeys(map(stem, words.split())):
                found.setdefault(word, []).append((number, side))
    return found
