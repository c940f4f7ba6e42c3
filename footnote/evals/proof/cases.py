"""Claims whose truth is known, each with a true quote, and the documents that they are about.

Written by hand: `footnote/evals/lies/*.toml` and `footnote/evals/truths/*.toml`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, NamedTuple, get_args

from pydantic import ConfigDict, TypeAdapter

from footnote.evals.case_files import read_case_file
from footnote.evals.halves import is_held_back
from kb.errors import InvalidInput

EVALS: Final = Path(__file__).parent.parent
WRITTEN: Final = Path(__file__).parent / "documents.toml"
FOUND: Final = "messy_docs"
"""The folder of FOOTNOTE_EVALDATA with documents that other people made."""

Language = Literal["en", "de", "fr"]
Origin = Literal["lies", "truths", "cells"]
Kind = Literal[
    "role",
    "pronoun",
    "bound",
    "modality",
    "quantifier",
    "hedge",
    "condition",
    "exception",
    "order",
    "time",
    "unit",
    "scale",
    "row",
    "column",
    "join",
    "added",
    "negation",
    "name",
    "number",
    "rewording",
]
"""The part of the quote that a lie gets wrong, or that a truth tells in other words."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ORIGINS: Final[tuple[Origin, ...]] = get_args(Origin)
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_STRICT: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class ProofCase:
    """A claim, the quote a model gives for it, and a question that the quote answers.

    `quote` stands in the document's text, whatever white space is between its words.
    """

    id: str
    origin: Origin
    is_true: bool
    kind: Kind
    language: Language
    document: str
    is_table: bool
    question: str
    quote: str
    claim: str

    @property
    def is_held_back(self) -> bool:
        """The half of the quote: a lie and a truth beside the same quote stay together."""
        return is_held_back(f"{self.document} {self.quote}")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Some of the cases; an empty collection stands for all."""

    kinds: Collection[str] = ()
    languages: Collection[str] = ()
    origins: Collection[str] = ()
    is_held_back: bool | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput when there is no such kind, language or origin."""
        for chosen, known in (
            (self.kinds, KINDS),
            (self.languages, LANGUAGES),
            (self.origins, ORIGINS),
        ):
            if unknown := sorted(set(chosen) - set(known)):
                raise InvalidInput(f"Unknown: {unknown[0]!r}. Known: {', '.join(known)}.")

    @property
    def has_cells(self) -> bool:
        """False when cells need not even be made."""
        return not self.origins or "cells" in self.origins

    def takes(self, case: ProofCase) -> bool:
        """True when the case is among them."""
        return (
            (not self.kinds or case.kind in self.kinds)
            and (not self.languages or case.language in self.languages)
            and (not self.origins or case.origin in self.origins)
            and self.is_held_back in {None, case.is_held_back}
        )


class Sample(NamedTuple):
    """A document that is always at hand."""

    title: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class ProofDocument:
    """A document to upload."""

    file: str
    title: str | None
    language: Language
    content: bytes


@dataclass(frozen=True, kw_only=True)
class _Claim:
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    kind: Kind
    text: str


@dataclass(frozen=True, kw_only=True)
class _Quoted:
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: str
    document: str
    language: Language
    question: str
    quote: str
    claims: tuple[_Claim, ...]
    is_table: bool = False


@dataclass(frozen=True, kw_only=True)
class _Written:
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    file: str
    title: str
    language: Language
    text: str


_QUOTED: Final = TypeAdapter(dict[Literal["quoted"], tuple[_Quoted, ...]])
_WRITTEN: Final = TypeAdapter(dict[Literal["document"], tuple[_Written, ...]])


def read_proof_cases(folder: Path = EVALS) -> list[ProofCase]:
    """All lies, then all truths, in the order of the files' names.

    The place of a claim beside its quote ends its id. Misconfigured when a file does not have the
    form.
    """
    origins: tuple[Origin, ...] = ("lies", "truths")
    return [
        ProofCase(
            id=f"{origin}/{path.stem}/{quoted.id}-{place}",
            origin=origin,
            is_true=origin == "truths",
            kind=claim.kind,
            language=quoted.language,
            document=quoted.document,
            is_table=quoted.is_table,
            question=quoted.question,
            quote=quoted.quote,
            claim=claim.text,
        )
        for origin in origins
        for path in sorted((folder / origin).glob("*.toml"))
        for quoted in read_case_file(path, _QUOTED).get("quoted", ())
        for place, claim in enumerate(quoted.claims, 1)
    ]


def read_documents(
    cases: Iterable[ProofCase], evaldata: Path, samples: Mapping[str, Sample]
) -> list[ProofDocument]:
    """The documents of the cases that are there; found ones are absent without their folder."""
    written = read_case_file(WRITTEN, _WRITTEN).get("document", ())
    known = {
        **samples,
        **{each.file: Sample(title=each.title, content=each.text.encode()) for each in written},
    }
    documents = []
    for file, language in dict.fromkeys((case.document, case.language) for case in cases):
        found = evaldata / FOUND / file
        if file in known:
            title, content = known[file]
        elif found.exists():
            title, content = None, found.read_bytes()
        else:
            continue
        documents.append(ProofDocument(file=file, title=title, language=language, content=content))
    return documents
