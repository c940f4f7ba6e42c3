"""Looks at a source before anything of it is read: which files it has, and who may read them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ingest.sources.files import RULE_FILE, SourceFile, refuse_too_many
from ingest.sources.patterns import compile_pattern, fits_any
from ingest.sources.permissions import (
    MAX_DESCRIPTION_BYTES,
    SIDECAR_ENDS,
    Readers,
    SidecarInvalid,
    parse_rule_file,
    parse_sidecar,
    says_who_reads,
)
from ingest.sources.run import Place, SourceRun, unavailable
from kb.errors import KnowledgeBaseError, SourceRulesInvalid, SourceUnavailable, UploadTooLarge
from kb.store.source_items import Item, KnownItem, Sidecar
from kb.store.source_runs import note_rule_file
from kb.store.sources import ItemFailure, Rule
from language.text import is_text

MAX_PATH_BYTES: Final = 1_024
"""As long as a key of an object store may be; an index entry holds it."""


@dataclass(frozen=True, kw_only=True)
class Surveyed:
    """A listed file with its readers; with a fault it stays as it was, and nobody gains it."""

    file: SourceFile
    readers: tuple[str, ...]
    sidecar: Sidecar | None = None
    sidecar_etag: str | None = None
    fault: ItemFailure | None = None


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The files by path, those that no document can come of, and the readers by the rules."""

    files: Mapping[str, Surveyed]
    refused: tuple[ItemFailure, ...]
    readers: Readers


async def take_survey(run: SourceRun, place: Place, known: Mapping[str, KnownItem]) -> Survey:
    """The survey of the whole source.

    Raises:
        SourceUnavailable: it could not be listed to its end.
        SourceTooLarge: it lists too much.
        SourceRulesInvalid: its rule file is malformed, or has vanished.
    """
    try:
        listed = await place.files()
    except (OSError, UnicodeError) as error:
        raise unavailable(error) from error
    refuse_too_many(len(listed))
    described = {file.id: file for file in listed}
    settings = run.source.settings
    include = [compile_pattern(text) for text in settings.include]
    exclude = [compile_pattern(text) for text in settings.exclude]
    readers = await _readers(run, place, described.get(RULE_FILE))

    refused: list[ItemFailure] = []
    chosen: list[SourceFile] = []
    for file in described.values():
        path = file.id
        if says_who_reads(path):
            continue
        if (include and not fits_any(include, path)) or fits_any(exclude, path):
            continue
        if (message := _path_fault(path)) is not None:
            refused.append(
                ItemFailure(item=ascii(path)[:200], code="item_refused", message=message)
            )
            continue
        chosen.append(file)
    items = [known[file.id].item if file.id in known else None for file in chosen]
    surveyed = await asyncio.gather(
        *(
            _surveyed(place, described, file, item, readers)
            for file, item in zip(chosen, items, strict=True)
        )
    )
    files = {each.file.id: each for each in surveyed}
    return Survey(files=files, refused=tuple(refused), readers=readers)


async def _readers(run: SourceRun, place: Place, rule_file: SourceFile | None) -> Readers:
    """The readers by the rules of the source and, before them, of its rule file."""
    settings = run.source.settings
    rules: tuple[Rule, ...] = ()
    if rule_file is not None:
        try:
            content = await place.read(rule_file)
        except (OSError, UploadTooLarge) as error:
            raise SourceUnavailable(f"{RULE_FILE} cannot be read.") from error
        if len(content) > MAX_DESCRIPTION_BYTES:
            raise SourceRulesInvalid(f"{RULE_FILE} has more than {MAX_DESCRIPTION_BYTES:,} bytes.")
        rules = parse_rule_file(content)
        if not run.source.has_rule_file:
            await run.transaction(lambda scope: note_rule_file(scope, run.source.id))
    elif run.source.has_rule_file:
        raise SourceRulesInvalid(
            f"The source had a {RULE_FILE}, which has vanished. Put it back, or change the "
            "source's own principals or rules, which then count alone."
        )
    return Readers.of((*rules, *settings.rules), settings.principals)


async def _surveyed(
    place: Place,
    described: Mapping[str, SourceFile],
    file: SourceFile,
    item: Item | None,
    readers: Readers,
) -> Surveyed:
    found = [described[file.id + end] for end in SIDECAR_ENDS if file.id + end in described]
    former = item.sidecar if item is not None else None
    if not found and former is not None and "principals" in former:
        return _faulty(
            file,
            readers.of_file(file.id, former),
            "sidecar_missing",
            "Its sidecar has vanished; put it back, and say in it what counts now.",
        )
    sidecar: Sidecar | None = None
    etag: str | None = None
    if found:
        etag = found[0].etag
        if item is not None and former is not None and etag and etag == item.sidecar_etag:
            sidecar = former
        else:
            try:
                sidecar = await _read_sidecar(place, found)
            except SidecarInvalid as error:
                former_readers = readers.of_file(file.id, former)
                return _faulty(file, former_readers, "sidecar_invalid", error.message)
    allowed = readers.of_file(file.id, sidecar)
    if not allowed:
        message = "No rule says who may read the file, and the source has no principals."
        return _faulty(file, (), "item_without_rule", message)
    return Surveyed(file=file, readers=allowed, sidecar=sidecar, sidecar_etag=etag)


async def _read_sidecar(place: Place, found: list[SourceFile]) -> Sidecar:
    if len(found) > 1:
        raise SidecarInvalid("The file has two sidecars, one of TOML and one of JSON.")
    try:
        content = await place.read(found[0])
    except (OSError, KnowledgeBaseError) as error:
        raise SidecarInvalid("The sidecar cannot be read.") from error
    if len(content) > MAX_DESCRIPTION_BYTES:
        raise SidecarInvalid(f"The sidecar has more than {MAX_DESCRIPTION_BYTES:,} bytes.")
    return parse_sidecar(content, is_json=found[0].id.endswith(".json"))


def _faulty(file: SourceFile, readers: tuple[str, ...], code: str, message: str) -> Surveyed:
    fault = ItemFailure(item=file.id, code=code, message=message)
    return Surveyed(file=file, readers=readers, fault=fault)


def _path_fault(path: str) -> str | None:
    """The reason why no document can come of a file with this path; None when one can."""
    # A rule for a folder must not be got round by another way of writing the path.
    is_web = "://" in path
    if not is_web and any(part in {"", ".", ".."} for part in path.split("/")):
        return "A part of the path is empty, '.' or '..'."
    if "\\" in path or not is_text(path):
        return "The path has a backslash, a NUL character, or is not valid Unicode."
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"The path has more than {MAX_PATH_BYTES:,} bytes."
    return None
