"""Models in openvino form, made by sentence-transformers in a process that ends.

The libraries of an export would stay in the memory of whoever starts first: 0.8 GB.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, cast

import numpy as np
from filelock import FileLock

from kb.errors import ModelUnavailable
from models.library import LibraryRunner, load_model, require_library, translated
from models.openvino_runner import OpenvinoRunner
from models.token_batches import POOLINGS, Pooling

if TYPE_CHECKING:
    from openvino import Model  # type: ignore[import-untyped]  # ships no type information

MANIFEST_FILE: Final = "footnote.json"
"""In the folder of a whole export."""

UNAVAILABLE: Final = 3
"""The exit code of the process when it has printed why there is no model."""

_PROBES: Final = (
    "A travel policy.",
    "Employees book trains, not flights, below 500 km; see § 7.3 of the policy for exceptions.",
    "ÜBERSTUNDEN werden bis zum 31.03. des Folgejahres ausgeglichen. 出張の規定",
    "Longer than any model's window. " * 2_000,
)
"""Case, accents, other scripts, padding and cutting off: where two ways to run a model differ."""

_SAME_COSINE: Final = 0.999
"""Rounding to 16 bits alone moves a vector by .0001."""


class Manifest(TypedDict):
    """Facts of an export; pooling None: sentence-transformers must run it."""

    revision: str
    max_tokens: int
    pooling: Pooling | None


def exported(source: str, weights: str | None, cache_folder: Path) -> tuple[Path, Manifest]:
    """A folder with the model in openvino form, made on first use in 15 s; ModelUnavailable.

    `weights` is the hash of a local model's.
    """
    cache_folder.mkdir(parents=True, exist_ok=True)
    folder = cache_folder / hashlib.sha256(f"{source} {weights}".encode()).hexdigest()[:16]
    written = folder / MANIFEST_FILE
    # An export that is not whole has another name.
    if not written.exists():
        require_library(f"The embedding model {Path(source).name!r}", "openvino")
        _export_elsewhere(source, weights, folder)
    return folder, cast("Manifest", json.loads(written.read_bytes()))


def read_network(folder: Path) -> "Model":
    """The network of an export, its weights mapped into memory."""
    from openvino import Core  # noqa: PLC0415  # cannot be installed everywhere

    return Core().read_model(str(folder / "openvino" / "openvino_model.xml"))


def _export_elsewhere(source: str, weights: str | None, folder: Path) -> None:
    # As multiprocessing would start it, but killed when we are told to stop.
    code = f"import sys; sys.path[:] = {sys.path!r}; from models.export import main; main()"
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", code, source, weights or "", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode == UNAVAILABLE:
        raise ModelUnavailable(done.stdout.strip())
    if done.returncode:
        last_line = done.stderr.strip().rpartition("\n")[2]
        raise ModelUnavailable(
            f"Exporting the embedding model {Path(source).name!r} for openvino ended with "
            f"{done.returncode}. {last_line}"
        )


def main() -> None:
    """Exports the model that the command line names, unless somebody else has."""
    source, weights, folder = sys.argv[1], sys.argv[2] or None, Path(sys.argv[3])
    try:
        # The API and the worker start together.
        with FileLock(folder.with_suffix(".lock")):
            if not (folder / MANIFEST_FILE).exists():
                _export(source, weights, folder)
    except ModelUnavailable as error:
        print(error.message)  # noqa: T201  # for the process that started this one
        sys.exit(UNAVAILABLE)


def _export(source: str, weights: str | None, folder: Path) -> None:
    building = folder.with_suffix(".building")
    shutil.rmtree(building, ignore_errors=True)
    model = load_model(source, "openvino")
    model.save_pretrained(str(building))
    library = LibraryRunner(model, len(_PROBES))
    # A language model loads like one that embeds, and fails at the first text.
    with translated(source, "openvino"):
        pooling = _equal_pooling(building, library)
    manifest: Manifest = {
        "revision": weights or library.hub_revision,
        "max_tokens": library.max_tokens,
        "pooling": pooling,
    }
    (building / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")
    building.rename(folder)


def _equal_pooling(folder: Path, library: LibraryRunner) -> Pooling | None:
    """The pooling with which the bare network gives the library's vectors; None: there is none.

    Prompts, projections and other modules make a difference that only the library knows.
    """
    if not (folder / "tokenizer.json").exists():
        return None
    wanted = library.encode(_PROBES, may_cut=True)
    for pooling in POOLINGS:
        bare = OpenvinoRunner(
            read_network(folder),
            folder / "tokenizer.json",
            pooling=pooling,
            max_tokens=library.max_tokens,
            batch_size=len(_PROBES),
        )
        if bare.dimension == library.dimension:
            cosines = np.sum(bare.encode(_PROBES, may_cut=True) * wanted, axis=1)
            if cosines.min() >= _SAME_COSINE:
                return pooling
    return None
