"""`footnote space`: another embedding model, without a pause."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footnote.commands.ask import Mode
from footnote.output import (
    JsonOption,
    PrincipalsOption,
    TenantOption,
    console,
    print_json,
    table_console,
)
from kb.errors import InvalidInput
from kb.times import rfc3339

if TYPE_CHECKING:
    from kb.store.space_changes import SpaceState
    from kb.store.spaces import Space, SpaceTuning, StoredSpace

NameArgument = Annotated[str, typer.Argument(help="Name of the space, or of its model.")]
FloorOption = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="The evidence floor; unset: FOOTNOTE_ANSWER_EVIDENCE_FLOOR."),
]
WeightOption = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="BM25's weight; unset: FOOTNOTE_RETRIEVAL_LEXICAL_WEIGHT."),
]
LanguageOption = Annotated[
    list[str] | None,
    typer.Option("--language", help="A language that the model reads; repeatable; unset: all."),
]
AbstentionOption = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="What 'footnote eval abstention --fit' wrote with it."
    ),
]

State = Literal["active", "ready", "filling", "dropping"]


def create(
    model: Annotated[str, typer.Option(help="Name of the embedding model, or its folder.")],
    evidence_floor: FloorOption = None,
    lexical_weight: WeightOption = None,
    language: LanguageOption = None,
    abstention: AbstentionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a space for a model: workers fill it beside the active one, which stays in use."""
    from footnote.embedding_model import load_embedder, space_of
    from footnote.on_database import on_database
    from kb.logs import configure_logging
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.space_changes import create_space, enqueue_backfills
    from kb.store.spaces import SpaceTuning

    settings = Settings()
    configure_logging("error", settings.log_format)
    # Every process has to find it, wherever it was started.
    name = str(Path(model).resolve()) if Path(model).is_dir() else model
    space = space_of(load_embedder(settings.model_copy(update={"embedding_model": name})))
    tuning = _tuning(SpaceTuning(), evidence_floor, lexical_weight, language, abstention)

    async def act(database: Database) -> tuple[bool, int]:
        is_new = await create_space(database, space, tuning)
        return is_new, await enqueue_backfills(database, space)

    is_new, jobs = on_database(settings, act)
    if as_json:
        print_json({**_identity(space), "is_new": is_new, "jobs": jobs})
    else:
        console.print(
            f"{'Created' if is_new else 'There is'} the space {space.name} ({space.dimension} "
            f"dimensions). Tenants whose chunks workers are embedding: {jobs}."
        )


def backfill(name: NameArgument, as_json: JsonOption = False) -> None:
    """Queue jobs once more for what a space lacks, such as after a job that failed."""
    from footnote.on_database import on_database
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.space_changes import enqueue_backfills
    from kb.store.spaces import find_space

    async def act(database: Database) -> "tuple[Space, int]":
        async with database.system() as system:
            space = (await find_space(system, name)).space
        return space, await enqueue_backfills(database, space)

    space, jobs = on_database(Settings(), act)
    if as_json:
        print_json({"name": space.name, "jobs": jobs})
    else:
        console.print(f"Tenants whose chunks workers are embedding: {jobs}.")


def list_spaces(as_json: JsonOption = False) -> None:
    """List the spaces, and how much of what is stored each of them has."""
    from rich.table import Table

    from footnote.on_database import on_database
    from kb.settings import Settings
    from kb.store.space_changes import describe_spaces

    states = on_database(Settings(), describe_spaces)
    if as_json:
        print_json([_state_json(each) for each in states])
        return
    table = Table("name", "state", "vectors", "missing", "complete", "MB", "model")
    for each in states:
        space = each.stored.space
        table.add_row(
            space.name,
            _state(each),
            f"{each.rows:,}",
            f"{each.missing:,}",
            # 100 % only when nothing is missing.
            f"{int(each.complete_share * 1000) / 10} %",
            f"{each.size_bytes / 1e6:.1f}",
            space.model,
        )
    table_console.print(table)


def activate(
    name: NameArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Also when chunks lack a vector in the space.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Have all processes search a space from now on; the one before stays current."""
    from app.answering.abstention import REFIT, is_fitted_to
    from footnote.on_database import on_database
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.space_changes import activate_space
    from kb.store.spaces import find_space

    async def act(database: Database) -> "tuple[StoredSpace, Space | None]":
        previous = await activate_space(database, name, is_forced=force)
        async with database.system() as system:
            return await find_space(system, name), previous

    stored, previous = on_database(Settings(), act)
    if as_json:
        print_json({"name": stored.space.name, "previous": previous.name if previous else None})
        return
    before = f" instead of {previous.name}" if previous else ""
    console.print(f"Searches use {stored.space.name}{before}.")
    if not is_fitted_to(stored.space.model, stored.tuning):
        console.print(f"The evidence floor was not fitted to its model. {REFIT}")


def drop(name: NameArgument, as_json: JsonOption = False) -> None:
    """Free a space's table and indexes; not those of the one that searches use."""
    from footnote.on_database import on_database
    from kb.settings import Settings
    from kb.store.space_changes import drop_space

    on_database(Settings(), lambda database: drop_space(database, name))
    if as_json:
        print_json({"dropped": name})
    else:
        console.print(f"Dropped the space {name}.")


def tune(  # noqa: PLR0913, PLR0917  # the options of a space
    name: NameArgument,
    evidence_floor: FloorOption = None,
    lexical_weight: WeightOption = None,
    language: LanguageOption = None,
    abstention: AbstentionOption = None,
    like: Annotated[
        str | None,
        typer.Option(help="A space on whose scale cosines are to count, by --tenant's chunks."),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="With --like: the tenant.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget what was set before.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Set what depends on the cosines of a space's model; the rest stays as it is."""
    from footnote.equating import equate
    from footnote.on_database import on_database
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.space_changes import set_tuning
    from kb.store.spaces import SpaceTuning, find_space
    from kb.store.tenants import tenant_by_name

    if (like is None) != (tenant is None):
        raise InvalidInput("--like and --tenant need each other.")

    async def act(database: Database) -> "StoredSpace":
        async with database.system() as system:
            stored = await find_space(system, name)
        before = SpaceTuning() if reset else stored.tuning
        tuning = _tuning(before, evidence_floor, lexical_weight, language, abstention)
        if like is not None and tenant is not None:
            async with database.system() as system:
                reference = await find_space(system, like)
                tenant_id = (await tenant_by_name(system, tenant)).id
            scale = await equate(database, tenant_id, stored, reference)
            tuning = replace(tuning, cosines=scale)
        await set_tuning(database, stored.space, tuning)
        return replace(stored, tuning=tuning)

    stored = on_database(Settings(), act)
    if as_json:
        print_json({**_identity(stored.space), **_tuning_json(stored.tuning)})
    else:
        console.print(f"Tuned the space {stored.space.name}: processes take it up in seconds.")


def compare(  # noqa: PLR0913, PLR0917  # the options of a measurement
    first: NameArgument,
    second: NameArgument,
    tenant: TenantOption,
    cases: Annotated[Path, typer.Option(dir_okay=False, help="TOML: [[case]] question, relevant.")],
    principals: PrincipalsOption = None,
    mode: Annotated[Mode, typer.Option(help="The search to make.")] = Mode.HYBRID,
    as_json: JsonOption = False,
) -> None:
    """Ask the same questions in two spaces, and compare which documents come first.

    The difference is second minus first, with its 95 % interval and the p-value of a paired
    randomisation test.
    """
    from footnote.commands.space_compare import Asked, show_comparison
    from kb.principals import split_principals

    asked = Asked(
        names=(first, second),
        tenant=tenant,
        principals=split_principals(principals or ""),
        cases=cases,
        mode=mode,
    )
    show_comparison(asked, as_json=as_json)


def _tuning(
    before: "SpaceTuning",
    evidence_floor: float | None,
    lexical_weight: float | None,
    language: Sequence[str] | None,
    abstention: Path | None,
) -> "SpaceTuning":
    """The tuning with what is given; InvalidInput when the file holds no fitted model."""
    from app.answering.abstention import parse_fitted
    from kb.store.spaces import SpaceTuning

    fitted = before.abstention
    if abstention is not None:
        try:
            fitted = dict(parse_fitted(json.loads(abstention.read_text(encoding="utf-8"))))
        except ValueError as error:
            raise InvalidInput(f"{abstention.name!r} holds no JSON.") from error
    return SpaceTuning(
        cosines=before.cosines,
        evidence_floor=before.evidence_floor if evidence_floor is None else evidence_floor,
        lexical_weight=before.lexical_weight if lexical_weight is None else lexical_weight,
        languages=frozenset(language) if language else before.languages,
        abstention=fitted,
    )


def _state(state: "SpaceState") -> State:
    if state.stored.is_dropped:
        return "dropping"
    if state.stored.is_current:
        return "active"
    return "filling" if state.missing else "ready"


def _identity(space: "Space") -> dict[str, object]:
    return {
        "name": space.name,
        "model": space.model,
        "revision": space.revision,
        "dimension": space.dimension,
    }


def _state_json(state: "SpaceState") -> dict[str, object]:
    return {
        **_identity(state.stored.space),
        "state": _state(state),
        "rows": state.rows,
        "missing": state.missing,
        "complete_share": state.complete_share,
        "size_bytes": state.size_bytes,
        **_tuning_json(state.stored.tuning),
        "created_at": rfc3339(state.stored.created_at),
    }


def _tuning_json(tuning: "SpaceTuning") -> dict[str, object]:
    fitted = tuning.abstention
    return {
        "evidence_floor": tuning.evidence_floor,
        "lexical_weight": tuning.lexical_weight,
        "languages": None if tuning.languages is None else sorted(tuning.languages),
        "cosine_slope": tuning.cosines.slope,
        "cosine_intercept": tuning.cosines.intercept,
        "abstention": None if fitted is None else fitted["version"],
    }
