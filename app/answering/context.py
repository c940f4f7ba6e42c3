"""Retrieved passages -> the sources shown to a generator: no repeats, within a token budget."""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypedDict

from kb.passages import Location, Passage, TableRows

SOURCE_OVERHEAD_TOKENS: Final = 44
"""For what a prompt puts around a passage: its fence, its id and a title of usual length. Five
tokenizers count 30 to 35 on average and 44 at most (150 blocks).
"""

SHINGLE_WORDS: Final = 3
"""Word trigrams: single words would make two texts about one subject look the same."""

DUPLICATE_OVERLAP: Final = 0.9
"""Share of the shorter passage's trigrams found in the other; below it, a passage says news."""

SOURCE_ID_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz"
SOURCE_ID_CHARACTERS: Final = SOURCE_ID_LETTERS + "23456789"
SOURCE_ID_LENGTH: Final = 6
MAX_ID_ATTEMPTS: Final = 100

_WORD = re.compile(r"\w+|[%$€£¥₹]")
_DECISIVE = re.compile(r"[\d%$€£¥₹]|^(?:not?|never|none|without|unless|except|only|cannot|t)$")


class Dropped(TypedDict):
    """A passage that is not shown, and why."""

    chunk_id: int
    reason: Literal["duplicate", "budget"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a generator may cite.

    `passage` is the text shown. It is one chunk, or `parts` joined: chunks that follow each other
    without a gap, under the first one's chunk id.
    """

    id: str
    passage: Passage
    parts: tuple[Passage, ...]

    def part_at(self, char_start: int) -> Passage:
        """The chunk that holds this offset of the document version."""
        held = [part for part in self.parts if part.location["char_start"] <= char_start]
        return held[-1] if held else self.parts[0]


@dataclass(frozen=True, kw_only=True)
class Context:
    """Sources by falling value, and the record of what did not get in."""

    sources: tuple[Source, ...]
    budget: int
    used: int
    dropped: tuple[Dropped, ...]

    def source(self, source_id: str) -> Source | None:
        """The source of that id, None when this context never held one."""
        return next((source for source in self.sources if source.id == source_id), None)


def best_at_ends(sources: Sequence[Source]) -> list[Source]:
    """The sources in the order to show them: the best first, the second best last, and so inwards.

    Models read the middle of a long prompt least. Sources of one document stay together, in their
    order. Source: Liu et al., Lost in the Middle, TACL 2024, doi:10.1162/tacl_a_00638.
    """
    by_document: dict[tuple[object, int], list[Source]] = {}
    for source in sources:
        key = (source.passage.document_id, source.passage.document_version)
        by_document.setdefault(key, []).append(source)
    groups = list(by_document.values())
    return [source for group in (*groups[::2], *groups[1::2][::-1]) for source in group]


def random_source_id() -> str:
    """Six random characters that begin with a letter: no document's own numbering looks so."""
    tail = (secrets.choice(SOURCE_ID_CHARACTERS) for _ in range(SOURCE_ID_LENGTH - 1))
    return secrets.choice(SOURCE_ID_LETTERS) + "".join(tail)


def build_context(
    passages: Sequence[Passage],
    *,
    budget_tokens: int,
    count_tokens: Callable[[Sequence[str]], Sequence[int]],
    new_source_id: Callable[[], str],
) -> Context:
    """The best passages that fit, as sources with ids of their own.

    Takes passages by falling score; one that does not fit gives way to smaller ones after it. By
    score per token fewer of the right passages get in: at 600 tokens .85 of them instead of .97
    (1142 questions of SQuAD2), .70 instead of .72 (163 of MTRAG-UN).

    A passage that repeats a better one is dropped, unless it has another number or negation:
    then the two disagree, which the answer has to show.
    """
    ranked = sorted(passages, key=lambda passage: -passage.score)
    distinct, dropped = _without_duplicates(ranked)
    costs = count_tokens([passage.text for passage in distinct]) if distinct else []
    chosen: list[Passage] = []
    used = 0
    for passage, cost in zip(distinct, costs, strict=True):
        if used + cost + SOURCE_OVERHEAD_TOKENS > budget_tokens:
            dropped.append(Dropped(chunk_id=passage.chunk_id, reason="budget"))
            continue
        used += cost + SOURCE_OVERHEAD_TOKENS
        chosen.append(passage)
    groups = _joined(_with_neighbours(chosen))
    ids = _source_ids(len(groups), new_source_id)
    return Context(
        sources=tuple(
            Source(id=source_id, passage=_one_passage(parts), parts=parts)
            for source_id, parts in zip(ids, groups, strict=True)
        ),
        budget=budget_tokens,
        used=used,
        dropped=tuple(dropped),
    )


def with_passages(
    context: Context, passages: Sequence[Passage], *, new_source_id: Callable[[], str]
) -> Context:
    """The context with these passages as further sources; those that it shows are left out.

    They come after the others and outside the budget: they are read, not shown to a model.
    """
    shown = {part.chunk_id for source in context.sources for part in source.parts}
    groups = _joined([passage for passage in passages if passage.chunk_id not in shown])
    taken = {source.id for source in context.sources}
    ids = _source_ids(len(groups), new_source_id, taken=taken)
    added = [
        Source(id=source_id, passage=_one_passage(parts), parts=parts)
        for source_id, parts in zip(ids, groups, strict=True)
    ]
    return replace(context, sources=(*context.sources, *added))


def _source_ids(
    count: int, new_source_id: Callable[[], str], *, taken: Collection[str] = ()
) -> list[str]:
    ids: list[str] = []
    for _ in range(count * MAX_ID_ATTEMPTS):
        if len(ids) == count:
            break
        source_id = new_source_id()
        if source_id not in ids and source_id not in taken and not source_id.isdigit():
            ids.append(source_id)
    if len(ids) < count:
        raise ValueError("new_source_id does not give enough different ids that are not numbers.")
    return ids


def _without_duplicates(ranked: Sequence[Passage]) -> tuple[list[Passage], list[Dropped]]:
    kept: list[Passage] = []
    words_of_kept: list[list[str]] = []
    dropped: list[Dropped] = []
    for passage in ranked:
        words = _WORD.findall(passage.text.casefold())
        if any(_says_the_same(words, others) for others in words_of_kept):
            dropped.append(Dropped(chunk_id=passage.chunk_id, reason="duplicate"))
        else:
            kept.append(passage)
            words_of_kept.append(words)
    return kept, dropped


def _says_the_same(words: list[str], better: list[str]) -> bool:
    if words == better:
        return True
    here, there = _shingles(words), _shingles(better)
    shared = len(here & there)
    if not here or shared < DUPLICATE_OVERLAP * len(here):
        return False
    if shared == len(here):
        return True
    counts, counts_of_better = Counter(words), Counter(better)
    differing = (counts - counts_of_better) + (counts_of_better - counts)
    return not any(_DECISIVE.search(word) for word in differing)


def _shingles(words: list[str]) -> set[tuple[str, ...]]:
    return set(zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False))


def _with_neighbours(passages: Sequence[Passage]) -> list[Passage]:
    """Documents by their best passage; within a document in reading order."""
    order: dict[tuple[object, int], list[Passage]] = {}
    for passage in passages:
        order.setdefault((passage.document_id, passage.document_version), []).append(passage)
    return [
        passage
        for group in order.values()
        for passage in sorted(group, key=lambda passage: passage.location["char_start"])
    ]


def _joined(passages: Sequence[Passage]) -> list[tuple[Passage, ...]]:
    groups: list[tuple[Passage, ...]] = []
    for passage in passages:
        if groups and _follows(groups[-1][-1], passage):
            groups[-1] = (*groups[-1], passage)
        else:
            groups.append((passage,))
    return groups


def _follows(first: Passage, second: Passage) -> bool:
    # What stands in a gap is not known here, and a guess would make every later offset wrong.
    return (
        (first.document_id, first.document_version) == (second.document_id, second.document_version)
        and first.location["section"] == second.location["section"]
        and first.location["char_end"] == second.location["char_start"]
    )


def _one_passage(parts: tuple[Passage, ...]) -> Passage:
    first = parts[0]
    if len(parts) == 1:
        return first
    return replace(
        first,
        text="".join(part.text for part in parts),
        location=joined_location(parts),
        score=max(part.score for part in parts),
    )


def joined_location(parts: Sequence[Passage]) -> Location:
    """Where the parts stand as one, with all their tables."""
    first = parts[0].location
    location: Location = {**first, "char_end": parts[-1].location["char_end"]}
    tables = [
        _moved(rows, by=part.location["char_start"] - first["char_start"])
        for part in parts
        for rows in part.location.get("tables", ())
    ]
    if tables:
        location["tables"] = tables
    return location


def _moved(rows: TableRows, *, by: int) -> TableRows:
    """The rows with their offsets counted from that much earlier."""
    return {
        **rows,
        "rows": [
            [
                # The first of each three is a row's number or a column.
                place if index % 3 == 0 else place + by
                for index, place in enumerate(row)
            ]
            for row in rows["rows"]
        ],
    }
