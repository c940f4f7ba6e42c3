"""Labelled claims of the grounding sets: a claim, its source, and whether people found it there."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NotRequired, TypedDict, cast

from kb.errors import Misconfigured

GROUNDING_SETS: Final = (
    "wice",
    "contractnli",
    "factcheckgpt",
    "fool_me_twice",
    "begin",
    "mtrag_un",
    "clapnq",
)
"""Sets whose sources are natural texts and whose labels were given by people."""


@dataclass(frozen=True, kw_only=True)
class LabelledClaim:
    """A claim about `context`; `gold` are the passages of it that people named as the proof."""

    id: str
    dataset: str
    context: str
    claim: str
    is_supported: bool
    gold: str | None
    distractors: tuple[str, ...] = ()
    """Passages about the same thing that do not prove the claim."""
    title: str | None = None
    """Of the document, where the set gives one."""


class _Evidence(TypedDict):
    text: str


class _ClaimLine(TypedDict):
    id: str
    context: str | None
    claim: str
    label: str
    contract: NotRequired[str]
    evidence: NotRequired[list[_Evidence]]
    context_sentences: NotRequired[list[str]]
    evidence_sets: NotRequired[list[list[int]]]
    evidence_sentences: NotRequired[list[str]]
    distractors: NotRequired[list[str]]


class _ContractLine(TypedDict):
    doc_id: str
    text: str


class _DocumentLine(TypedDict):
    text: str
    title: str


def read_claims(evaldata: Path, dataset: str) -> list[LabelledClaim]:
    """The set's claims in the order of the file; Misconfigured when it is absent."""
    path = claims_path(evaldata, dataset)
    contracts, titles = _contracts(path.parent), _titles(path.parent)
    lines = (cast("_ClaimLine", line) for line in _lines(path))
    claims = [_claim(dataset, line, contracts) for line in lines]
    return [replace(claim, title=titles.get(claim.context)) for claim in claims]


def claims_path(evaldata: Path, dataset: str) -> Path:
    """The file of a set; Misconfigured when it is absent."""
    path = evaldata / dataset / "grounding.jsonl.gz"
    if not path.exists():
        raise Misconfigured(
            f"The claims of {dataset!r} are absent: FOOTNOTE_EVALDATA must name their folder."
        )
    return path


def claims_sha256(claims: list[LabelledClaim]) -> str:
    """Names the content of the claims, whatever file they came from."""
    digest = hashlib.sha256()
    for claim in claims:
        line = [claim.dataset, claim.id, claim.claim, claim.is_supported, claim.context]
        digest.update(json.dumps(line).encode())
    return digest.hexdigest()


def _claim(dataset: str, line: _ClaimLine, contracts: dict[str, str]) -> LabelledClaim:
    return LabelledClaim(
        id=line["id"],
        dataset=dataset,
        context=line["context"] or contracts[line.get("contract", "")],
        claim=line["claim"],
        is_supported=line["label"] == "supported",
        gold=_gold(line),
        distractors=tuple(line.get("distractors", [])),
    )


def _gold(line: _ClaimLine) -> str | None:
    if "evidence" in line:
        return "\n".join(each["text"] for each in line["evidence"]) or None
    if "evidence_sentences" in line:
        return "\n".join(line["evidence_sentences"]) or None
    if line.get("evidence_sets") and "context_sentences" in line:
        # The first of several sets that each prove the claim.
        return "\n".join(line["context_sentences"][i] for i in line["evidence_sets"][0])
    return None


def _contracts(folder: Path) -> dict[str, str]:
    """Contracts are stored once, not with each of their claims."""
    path = folder / "contracts.jsonl.gz"
    if not path.exists():
        return {}
    lines = (cast("_ContractLine", line) for line in _lines(path))
    return {line["doc_id"]: line["text"] for line in lines}


def _titles(folder: Path) -> dict[str, str]:
    """The titles of documents, by the text, where it is the very text of a claim's source."""
    path = folder / "corpus.jsonl.gz"
    if not path.exists():
        return {}
    lines = (cast("_DocumentLine", line) for line in _lines(path))
    return {line["text"]: line["title"] for line in lines}


def _lines(path: Path) -> Iterator[object]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
