"""Labelled claims of the grounding sets: a claim, its source, and whether people found it there."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NotRequired, TypedDict, cast

from footnote.evals.datasets import json_lines
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
    folder = evaldata / dataset
    path = folder / "grounding.jsonl.gz"
    if not path.exists():
        raise Misconfigured(
            f"The claims of {dataset!r} are absent: FOOTNOTE_EVALDATA must name their folder."
        )
    # Contracts are stored once, not with each of their claims.
    contracts_path, corpus_path = folder / "contracts.jsonl.gz", folder / "corpus.jsonl.gz"
    contracts = [
        cast("_ContractLine", line)
        for line in (json_lines(contracts_path) if contracts_path.exists() else ())
    ]
    text_by_contract = {line["doc_id"]: line["text"] for line in contracts}
    # A document has a title where it is the very text of a claim's source.
    documents = [
        cast("_DocumentLine", line)
        for line in (json_lines(corpus_path) if corpus_path.exists() else ())
    ]
    title_by_text = {line["text"]: line["title"] for line in documents}

    claims = []
    for value in json_lines(path):
        line = cast("_ClaimLine", value)
        context = line["context"] or text_by_contract[line.get("contract", "")]
        claims.append(
            LabelledClaim(
                id=line["id"],
                dataset=dataset,
                context=context,
                claim=line["claim"],
                is_supported=line["label"] == "supported",
                gold=_gold(line),
                distractors=tuple(line.get("distractors", [])),
                title=title_by_text.get(context),
            )
        )
    return claims


def claims_sha256(claims: list[LabelledClaim]) -> str:
    """Names the content of the claims, whatever file they came from."""
    digest = hashlib.sha256()
    for claim in claims:
        line = [claim.dataset, claim.id, claim.claim, claim.is_supported, claim.context]
        digest.update(json.dumps(line).encode())
    return digest.hexdigest()


def _gold(line: _ClaimLine) -> str | None:
    if "evidence" in line:
        return "\n".join(each["text"] for each in line["evidence"]) or None
    if "evidence_sentences" in line:
        return "\n".join(line["evidence_sentences"]) or None
    if line.get("evidence_sets") and "context_sentences" in line:
        # The first of several sets that each prove the claim.
        return "\n".join(line["context_sentences"][i] for i in line["evidence_sets"][0])
    return None
