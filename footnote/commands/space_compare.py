"""`footnote space compare`: which of two embedding spaces finds better."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search import Retriever
from app.retrieve.search_spaces import SearchSpaces
from footnote.caller import command_line_caller
from footnote.commands.ask import Mode
from footnote.compose import build_retriever, open_indexes
from footnote.embedding_model import model_loader
from footnote.extras import FITTING, require_packages
from footnote.on_database import on_database, utc_now
from footnote.output import print_json, table_console
from kb.logs import configure_logging
from kb.postgres.database import Database, Viewer
from kb.settings import Settings
from kb.store.spaces import StoredSpace, find_space

if TYPE_CHECKING:
    from footnote.evals.spaces import SpaceDifference


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The spaces to compare, what to ask in them, and who asks."""

    names: tuple[str, str]
    tenant: str
    principals: Sequence[str]
    cases: Path
    mode: Mode


def show_comparison(asked: Asked, *, as_json: bool) -> None:
    """Prints the differences: second minus first, with interval and p-value."""
    require_packages(FITTING, purpose="comparisons")
    settings = Settings()
    configure_logging("error", settings.log_format)
    differences = on_database(settings, lambda database: _compare(settings, database, asked))
    if as_json:
        print_json(differences)
    else:
        table_console.print(_table(asked.names, differences))


async def _compare(
    settings: Settings, database: Database, asked: Asked
) -> "Sequence[SpaceDifference]":
    # An extra: only who measures needs it.
    from footnote.evals.spaces import compare_spaces, read_questions

    questions = read_questions(asked.cases)
    caller = await command_line_caller(database, asked.tenant, asked.principals)
    tenant_id, viewer = caller.tenant_id, Viewer(principals=caller.principals)
    load = model_loader(settings)

    async with database.system() as system:
        stored = [await find_space(system, name) for name in asked.names]
    async with open_indexes(settings, database.database_url) as indexes:
        await indexes.lexical.catch_up(tenant_id)

        def retriever(each: StoredSpace) -> Retriever:
            embedder = QueryEmbedder(load(each.space), each.space, each.tuning)
            return build_retriever(settings, database, indexes, SearchSpaces(embedder))

        return await compare_spaces(
            (retriever(stored[0]), retriever(stored[1])),
            tenant_id,
            viewer,
            questions,
            mode=asked.mode.value,
            now=utc_now(),
        )


def _table(names: tuple[str, str], differences: "Sequence[SpaceDifference]") -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("measure", no_wrap=True)
    for heading in ("n", *names, "difference", "95 % interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in differences:
        table.add_row(
            each["measure"],
            str(each["n"]),
            f"{each['first']:.4f}",
            f"{each['second']:.4f}",
            f"{each['difference']:+.4f}",
            f"{each['low']:+.4f} to {each['high']:+.4f}",
            f"{each['p_value']:.4f}",
        )
    return table
