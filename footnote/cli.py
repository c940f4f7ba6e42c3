"""The command `footnote`: exit 0 on success, 1 on failure with one line on stderr, 2 on misuse."""

import os
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec

import typer
from pydantic import ValidationError

from footnote.commands import admin, ask, demo, doctor, ingest, prompts, serve
from footnote.lazy_commands import LazyCommand, group_of
from kb import stopping
from kb.errors import KnowledgeBaseError
from kb.settings import Settings

OWNER_ONLY = 0o077
"""The umask: folders are made 0700 and files 0600, by every library and child process too."""

LAZY_COMMANDS = {
    "eval": LazyCommand(
        module="footnote.commands.evaluations",
        help="How good it is, on questions with known answers.",
    ),
}
BENCHMARKS = "evals.bench"
"""Not installed with the service: its results are files of a checkout."""

if find_spec(BENCHMARKS.partition(".")[0]) is not None:
    LAZY_COMMANDS["bench"] = LazyCommand(
        module=f"{BENCHMARKS}.__main__", help="How fast it is; writes the results."
    )

app = typer.Typer(
    name="footnote",
    cls=group_of(LAZY_COMMANDS),
    help="A knowledge base whose every answer sentence is proved by a quote the asker may read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
tenant_app = typer.Typer(help="Tenants: who owns documents.", no_args_is_help=True)
key_app = typer.Typer(help="API keys of a tenant.", no_args_is_help=True)
db_app = typer.Typer(help="The database schema.", no_args_is_help=True)
app.add_typer(tenant_app, name="tenant")
app.add_typer(key_app, name="key")
app.add_typer(db_app, name="db")

app.command("up")(serve.up)
app.command("api")(serve.api)
app.command("worker")(serve.worker)
app.command("ingest")(ingest.ingest)
app.command("search")(ask.search)
app.command("ask")(ask.ask)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("prompts")(prompts.prompts)
tenant_app.command("create")(admin.create_tenant)
key_app.command("create")(admin.create_key)
key_app.command("revoke")(admin.revoke_key)
db_app.command("upgrade")(admin.upgrade_database)
db_app.command("prune")(admin.prune_database)


def main() -> None:
    """Runs a command; what it writes is its user's own, and a signal unwinds and stops it."""
    os.umask(OWNER_ONLY)
    if threading.current_thread() is threading.main_thread():
        stopping.obey_signals()
    try:
        app()
    except KnowledgeBaseError as error:
        _fail(f"{error.message} [{error.code}]")
    except ValidationError as error:
        _fail("; ".join(_faults(error)))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if stopping.is_told():
            stopping.leave(stopping.exit_code())


def _faults(error: ValidationError) -> Iterator[str]:
    """What is wrong with settings, under the names they have in the environment, or arguments."""
    for fault in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in fault["loc"])
        is_setting = error.title == Settings.__name__
        yield f"{f'FOOTNOTE_{name.upper()}' if is_setting else name}: {fault['msg']}"


def _fail(line: str) -> None:
    print(f"footnote: {line}", file=sys.stderr)  # noqa: T201  # the one line a failure shows
    sys.exit(1)
