"""`footnote doctor`: checks of the set-up, each with its remedy."""

import asyncio
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from app.answering.abstention import fitted_model, is_fitted_to
from footnote.commands.consistency_check import check_consistency
from footnote.commands.recall import show_recall
from footnote.compose import REFIT, open_database
from footnote.output import JsonOption, PrincipalsOption, console, print_json
from kb.errors import KnowledgeBaseError
from kb.postgres.embedded_postgres import database_url
from kb.principals import split_principals
from kb.private_folders import open_to_others
from kb.settings import Settings
from kb.store.spaces import SpaceTuning, stored_spaces
from migrations.run import is_current, upgrade
from models.embedding import choose_backend, model_path
from models.library import require_library


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at; `mend` says what to do when it is not well."""

    name: str
    is_well: bool
    detail: str
    mend: str | None = None


class Subject(StrEnum):
    """A subject to check closely."""

    RECALL = "recall"
    CONSISTENCY = "consistency"


def doctor(  # noqa: PLR0913, PLR0917  # each is an option of the command
    subject: Annotated[
        Subject | None,
        typer.Argument(
            help="'recall': does vector search find what is nearest? 'consistency': does what is "
            "stored agree with itself? Unset: all else."
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            help="For 'recall': the tenant whose chunks are searched. For 'consistency': the only "
            "one that is checked."
        ),
    ] = None,
    principals: PrincipalsOption = None,
    samples: Annotated[int, typer.Option(min=1, max=10_000, help="Questions of 'recall'.")] = 50,
    repair: Annotated[
        bool, typer.Option("--repair", help="For 'consistency': mend what can be mended.")
    ] = False,
    settled_seconds: Annotated[
        int,
        typer.Option(min=0, help="For 'consistency': younger files may soon be needed."),
    ] = 3600,
    as_json: JsonOption = False,
) -> None:
    """Check the set-up; exit 1 when something is wrong."""
    if subject is Subject.CONSISTENCY:
        check_consistency(
            tenant, settled_seconds=settled_seconds, is_repaired=repair, as_json=as_json
        )
        return
    if subject is Subject.RECALL:
        if tenant is None:
            raise typer.BadParameter("'recall' needs --tenant.")
        show_recall(tenant, split_principals(principals or ""), samples=samples, as_json=as_json)
        return
    settings = Settings()
    checks = [*_check_local(settings), *_check_database(settings)]
    _show(checks, as_json=as_json)
    if not all(check.is_well for check in checks):
        raise typer.Exit(1)


def _show(checks: Sequence[Check], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "ok": all(check.is_well for check in checks),
                "checks": [
                    {
                        "name": check.name,
                        "ok": check.is_well,
                        "detail": check.detail,
                        "mend": check.mend,
                    }
                    for check in checks
                ],
            }
        )
    else:
        for check in checks:
            mark = "[green]ok[/green]  " if check.is_well else "[red]FAIL[/red]"
            console.print(f"{mark} {check.name}: {check.detail}")
            if check.mend:
                console.print(f"       {check.mend}")


def _check_local(settings: Settings) -> list[Check]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    has_whole_model = (settings.llm_base_url is None) == (settings.llm_model is None)
    return [
        Check(name="python", is_well=sys.version_info >= (3, 11), detail=python),
        _check_home(settings),
        _check_privacy(settings),
        _check_embedding(settings),
        Check(
            name="language model",
            is_well=has_whole_model,
            detail=f"{settings.llm_model} at {settings.llm_base_url}"
            if settings.has_llm
            else "none configured: answers are extractive",
            mend=None
            if has_whole_model
            else "Set both FOOTNOTE_LLM_BASE_URL and FOOTNOTE_LLM_MODEL.",
        ),
    ]


def _check_home(settings: Settings) -> Check:
    try:
        probe = settings.home_path / ".write-probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Check(
            name="home",
            is_well=False,
            detail=f"{settings.home}: {error.strerror}",
            mend="Set FOOTNOTE_HOME to a folder that can be written.",
        )
    return Check(name="home", is_well=True, detail=str(settings.home_path))


def _check_privacy(settings: Settings) -> Check:
    """Checks that nobody else can open the home, or a file store beside it on this machine."""
    home = settings.home_path
    files = urlsplit(settings.effective_file_store_url)
    store = Path(files.path).resolve() if files.scheme in {"file", ""} else home
    local = [home] if store.is_relative_to(home) else [home, store]
    folders = [folder for folder in local if folder.exists()]
    open_count = sum(1 for folder in folders for _ in open_to_others(folder))
    names = " ".join(shlex.quote(str(folder)) for folder in folders)
    return Check(
        name="home permissions",
        is_well=open_count == 0,
        detail=f"{open_count} files and folders are open to others" if open_count else "private",
        mend=f"Run 'chmod -R go-rwx {names}'." if open_count else None,
    )


def _check_embedding(settings: Settings) -> Check:
    try:
        backend = choose_backend(settings.embedding_backend)
        if model_path(settings.embedding_model) == settings.embedding_model or backend == "torch":
            require_library(f"The embedding model {settings.embedding_model!r}", backend)
    except KnowledgeBaseError as error:
        return Check(
            name="embedding",
            is_well=False,
            detail=error.message,
            mend="Install what is missing, or set FOOTNOTE_EMBEDDING_MODEL and _BACKEND.",
        )
    detail = f"{settings.embedding_model}, backend {backend} {_version(backend)}"
    return Check(name="embedding", is_well=True, detail=detail)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _check_floor(model: str, tuning: SpaceTuning) -> Check:
    fitted = fitted_model(tuning)["embedding_model"]
    is_fitted = is_fitted_to(model, tuning)
    return Check(
        name="evidence floor",
        # In any case: answers are as safe as ever, only more or fewer than they should be.
        is_well=True,
        detail=f"fitted with {fitted}"
        if is_fitted
        else f"WARNING: fitted with {fitted}, not with {model}",
        mend=None if is_fitted else REFIT,
    )


def _check_database(settings: Settings) -> list[Check]:
    kind = "embedded" if settings.database_url is None else "configured"

    async def look_inside(url: str) -> list[Check]:
        async with open_database(settings, url) as database, database.system() as system:
            spaces = await stored_spaces(system)
        active = next((each for each in spaces if each.is_current), None)
        found = None
        if active is not None:
            found = f"{active.space.name} ({active.space.dimension} dimensions)"
        return [
            Check(name="database", is_well=True, detail=f"{kind}, row security enforced"),
            Check(
                name="embedding space",
                is_well=True,
                detail=found or "none yet: made at first start",
            ),
            _check_floor(
                active.space.model if active else settings.embedding_model,
                active.tuning if active else SpaceTuning(),
            ),
        ]

    try:
        with database_url(settings) as url:
            if settings.database_url is None:
                upgrade(url)
            if not is_current(url):
                return [
                    Check(
                        name="schema",
                        is_well=False,
                        detail="not the one this release needs",
                        mend="Run 'footnote db upgrade'.",
                    )
                ]
            schema = Check(name="schema", is_well=True, detail="up to date")
            return [schema, *asyncio.run(look_inside(url))]
    except KnowledgeBaseError as error:
        return [
            Check(
                name="database",
                is_well=False,
                detail=f"{error.message} [{error.code}]",
                mend="Check FOOTNOTE_DATABASE_URL and that the server runs.",
            )
        ]
