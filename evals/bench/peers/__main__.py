"""`python -m evals.bench.peers`: measures, prints one table, and writes the results."""

import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from evals.bench.footnote_process import Instance
from evals.bench.peers.contenders import PEERS, Peer
from evals.bench.peers.footnote_itself import Models
from evals.bench.peers.measuring import Run, measure
from evals.bench.peers.remembering import RememberingEmbedder
from evals.bench.peers.table import table
from evals.bench.record import result_path
from footnote.embedding_model import load_embedder
from footnote.evals.datasets import open_dataset
from footnote.evals.provenance import provenance
from footnote.evals.results import FORMAT, Evaluation, summary, write_evaluation
from kb.errors import InvalidInput, Misconfigured
from kb.logs import configure_logging
from kb.settings import Settings
from kb.store.spaces import space_for

KIND = "peers"
DATASETS = ("scifact", "squad2", "clapnq", "mtrag_un")
"""Small enough that the slowest peer takes minutes."""

ENVIRONMENTS = Path(".venv-peers")
"""The folder where `make bench-peers` installs a Python for each peer."""

RESULTS = Path(__file__).parent / "results.json"


def bench_peers(
    *,
    dataset: Annotated[
        list[str] | None,
        typer.Option(help=f"Repeatable; unset: {', '.join(DATASETS)}."),
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option(help=f"Repeatable; unset: {', '.join(PEERS)}.")
    ] = None,
    questions: Annotated[
        int | None, typer.Option(min=1, help="Drawn of each set; unset: all.")
    ] = None,
    environments: Annotated[
        Path, typer.Option(help="Folder of the peers' Pythons.")
    ] = ENVIRONMENTS,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps the embedded texts; unset: a temporary one."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File for the scores of each question as well.")
    ] = None,
) -> None:
    """Measure Footnote beside other libraries, with the same chunks, vectors and questions.

    Without a set or a peer, or with --questions, writes results.part.json beside what documents
    quote.
    """
    configure_logging("error")
    evaldata = Settings().evaldata.resolve()
    names = dataset or DATASETS
    datasets = [open_dataset(evaldata, name) for name in names]
    pythons = {each: python_of(each, environments) for each in chosen(peer or list(PEERS))}
    results = result_path(RESULTS, is_whole=is_whole(names, list(pythons), questions))
    with ExitStack() as stack:
        folder = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footnote-")))
        folder.mkdir(parents=True, exist_ok=True)
        instance = Instance(home=folder.resolve(), overrides={})
        run = Run(
            folder=instance.home / "work",
            models=load_models(instance),
            pythons=pythons,
            questions=questions,
        )
        evaluation: Evaluation = {
            "format": FORMAT,
            "evaluation": KIND,
            "options": {"questions": questions},
            "provenance": provenance(instance.settings),
            "results": [],
        }
        for each in datasets:
            evaluation["results"].extend(measure(run, each))
            means = json.dumps(summary(evaluation), indent=2, ensure_ascii=False)
            results.write_text(f"{means}\n", encoding="utf-8")
            if output is not None:
                write_evaluation(evaluation, output)
    print(table(evaluation["results"]))


def chosen(names: Sequence[str]) -> list[Peer]:
    """The peers of these names; InvalidInput for an unknown one."""
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise InvalidInput(f"There is no peer {unknown[0]!r}; there are {', '.join(PEERS)}.")
    return [PEERS[name] for name in dict.fromkeys(names)]


def python_of(peer: Peer, environments: Path) -> Path:
    """The peer's own Python; Misconfigured when it is not installed."""
    python = environments / peer.name / "bin" / "python"
    if not python.exists():
        raise Misconfigured(f"{peer.name!r} is not installed: run `make bench-peers`.")
    # Not resolved: the link is what makes it that environment's Python.
    return python.absolute()


def load_models(instance: Instance) -> Models:
    """The model of the instance, and what it has embedded in earlier runs."""
    embedder = load_embedder(instance.settings)
    space = space_for(
        model=embedder.model_name, revision=embedder.revision, dimension=embedder.dimension
    )
    remembering = RememberingEmbedder(embedder, instance.home / f"vectors-{space.name}.npz")
    return Models(embedder=embedder, remembering=remembering, space=space)


def is_whole(datasets: Sequence[str], peers: Sequence[Peer], questions: int | None) -> bool:
    """True when no set, no peer and no question is left out."""
    has_all = set(DATASETS) <= set(datasets) and set(PEERS.values()) <= set(peers)
    return has_all and questions is None


if __name__ == "__main__":
    typer.run(bench_peers)
