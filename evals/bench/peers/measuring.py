"""One data set asked of Footnote and of each peer, judged by the same measures.

Footnote ingests -> its chunks and vectors go to every peer -> documents -> measures
"""

import os
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals.bench.footnote_process import BenchmarkFailed, Instance
from evals.bench.peers.contenders import Peer
from evals.bench.peers.exchange import Answers, Task, ask_peer, ranked_documents
from evals.bench.peers.footnote_itself import Models, Timed, embed_corpus, take_part
from footnote.evals.datasets import Dataset, JudgedQuestion
from footnote.evals.provenance import spread
from footnote.evals.results import DIGITS, Result, mean_scores
from footnote.evals.retrieval import MEASURES
from footnote.evals.significance import randomisation_p_value
from kb.postgres.embedded_postgres import database_url

FOOTNOTE = "footnote"
WITH_EMBEDDING = "footnote, embedding included"
LIMIT = 100
"""Chunks asked of every contender, as in `footnote eval retrieval`."""

SEED = 11


@dataclass(frozen=True, kw_only=True)
class Run:
    """The questions and the contenders; `folder` holds what these store while they are asked.

    `questions` is how many to draw where a set has more, None asks all.
    """

    folder: Path
    models: Models
    pythons: Mapping[Peer, Path]
    questions: int | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One contender's run over a data set."""

    variant: str
    answers: Timed
    index_seconds: float
    load_before: float
    details: Mapping[str, str]


def measure(run: Run, dataset: Dataset) -> list[Result]:
    """Footnote first, then the peers one after the other; who fails says so and has no line."""
    folder = run.folder / dataset.name
    shutil.rmtree(folder, ignore_errors=True)
    judged = drawn(dataset.judged_questions(), run.questions)
    embed_corpus(dataset, run.models.remembering)
    run.models.remembering.embed_queries([question.text for question in judged])
    run.models.remembering.save()
    load_before = os.getloadavg()[0]
    own = take_part(
        Instance(home=folder / FOOTNOTE, overrides={}).settings,
        dataset,
        run.models,
        [question.text for question in judged],
        limit=LIMIT,
    )
    details = {"setup": "Hybrid search over one tenant, the ingest path's files and jobs included"}
    outcomes = [
        Outcome(
            variant=variant,
            answers=answers,
            index_seconds=own.index_seconds,
            load_before=load_before,
            details=details,
        )
        for variant, answers in ((FOOTNOTE, own.given), (WITH_EMBEDDING, own.embedding))
    ]
    for peer, python in run.pythons.items():
        print(f"{dataset.name}: {peer.name} ...", flush=True)
        try:
            outcomes.append(_ask_peer(peer, python, own.task, folder / peer.name))
        except BenchmarkFailed as error:
            print(f"{dataset.name}: {error.message}", flush=True)
    shutil.rmtree(folder)
    first = scores_of(judged, outcomes[0].answers.documents)
    return [result_of(dataset, judged, own.task, each, first) for each in outcomes]


def drawn(questions: Sequence[JudgedQuestion], count: int | None) -> list[JudgedQuestion]:
    """That many of the questions, drawn with a fixed seed, in the order of the file."""
    if count is None or count >= len(questions):
        return list(questions)
    generator = random.Random(SEED)  # noqa: S311  # a sample, no secret
    return [questions[at] for at in sorted(generator.sample(range(len(questions)), count))]


def _ask_peer(peer: Peer, python: Path, task: Task, folder: Path) -> Outcome:
    load_before = os.getloadavg()[0]
    if peer.needs_database:
        # A server of its own: none inherits another's caches or unfinished vacuuming.
        home = Instance(home=folder.with_name(f"{peer.name}-home"), overrides={})
        with database_url(home.settings) as url:
            answers = ask_peer(peer, python, task, database_url=url, folder=folder)
    else:
        answers = ask_peer(peer, python, task, database_url="", folder=folder)
    return Outcome(
        variant=peer.name,
        answers=timed(task, answers),
        index_seconds=answers["index_seconds"],
        load_before=load_before,
        details={"setup": peer.setup}
        | {f"version of {name}": version for name, version in answers["versions"].items()},
    )


def timed(task: Task, answers: Answers) -> Timed:
    """The peer's answers as documents."""
    return Timed(
        documents=[ranked_documents(task, chunk_ids) for chunk_ids in answers["chunk_ids"]],
        milliseconds=answers["milliseconds"],
    )


def scores_of(
    judged: Sequence[JudgedQuestion], documents: Sequence[Sequence[str]]
) -> dict[str, list[float]]:
    """Each measure of each question."""
    return {
        name: [
            round(score(ranked, question.relevance_by_document), DIGITS)
            for ranked, question in zip(documents, judged, strict=True)
        ]
        for name, score in MEASURES.items()
    }


def result_of(
    dataset: Dataset,
    judged: Sequence[JudgedQuestion],
    task: Task,
    outcome: Outcome,
    footnote: Mapping[str, Sequence[float]],
) -> Result:
    """The contender's line, with the chance that its nDCG differs from Footnote's by luck."""
    scores = scores_of(judged, outcome.answers.documents)
    difference = np.subtract(scores["ndcg@10"], footnote["ndcg@10"])
    milliseconds = [round(each, 3) for each in outcome.answers.milliseconds]
    return {
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256,
        "split": None,
        "is_whole": len(judged) == len(dataset.judged_questions()),
        "variant": outcome.variant,
        "figures": mean_scores(scores),
        "figures_by_split": {},
        "latency_ms": spread(milliseconds),
        "details": {
            **outcome.details,
            "chunks": len(task.chunks),
            "chunks_asked_for": task.limit,
            "index_seconds": round(outcome.index_seconds, 3),
            "load_before": round(outcome.load_before, 2),
            "ndcg_p_value_against_footnote": round(randomisation_p_value(difference), 4),
        },
        "question_ids": [question.id for question in judged],
        "scores": scores,
        "milliseconds": milliseconds,
    }
