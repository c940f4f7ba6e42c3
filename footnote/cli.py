"""The command `footnote`: exit 0 on success, 1 on failure with one line on stderr, 2 on misuse."""

import os
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Final

import typer
from pydantic import ValidationError

from footnote.commands import (
    admin,
    ask,
    demo,
    doctor,
    ingest,
    jobs,
    prompts,
    receipts,
    reindex,
    serve,
    sources,
    space_compare,
    spaces,
    tenants,
    webhooks,
)
from footnote.extras import FITTING, require_packages
from kb import stopping
from kb.disk import system_failure
from kb.errors import KnowledgeBaseError
from kb.settings import Settings
from kb.telemetry import configure_logging

OWNER_ONLY = 0o077
"""The umask: folders are made 0700 and files 0600, by every library and child process too."""

CHECKOUT: Final = Path(__file__).parents[1]
HAS_BENCHMARKS: Final = (CHECKOUT / "evals" / "bench").is_dir()
"""False once installed from a wheel: the results of benchmarks are files of a checkout."""

MODULE_BY_LATE_COMMAND: Final = {"eval": "footnote.commands.evals"} | (
    {"bench": "evals.bench.__main__"} if HAS_BENCHMARKS else {}
)
"""Commands that are imported when they are run: they bring libraries that no other needs."""

PASS_ALL_ON: Final = {
    "allow_extra_args": True,
    "allow_interspersed_args": False,
    "ignore_unknown_options": True,
}
"""Lets a late command parse its own arguments."""

app = typer.Typer(
    name="footnote",
    help="A knowledge base whose every answer sentence is proved by a quote the asker may read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
tenant_app = typer.Typer(help="Tenants: who owns documents.", no_args_is_help=True)
key_app = typer.Typer(help="API keys of a tenant.", no_args_is_help=True)
job_app = typer.Typer(help="Background jobs.", no_args_is_help=True)
source_app = typer.Typer(help="Places that documents are synchronised from.", no_args_is_help=True)
webhook_app = typer.Typer(help="Webhooks: who is told of events.", no_args_is_help=True)
space_app = typer.Typer(
    help="Embedding spaces: another model, without a pause.", no_args_is_help=True
)
db_app = typer.Typer(help="The database schema.", no_args_is_help=True)
collection_app = typer.Typer(help="Collections of a tenant.", no_args_is_help=True)
receipt_app = typer.Typer(help="Signed receipts of deletions.", no_args_is_help=True)
app.add_typer(tenant_app, name="tenant")
app.add_typer(collection_app, name="collection")
app.add_typer(receipt_app, name="receipt")
app.add_typer(key_app, name="key")
app.add_typer(job_app, name="job")
app.add_typer(source_app, name="source")
app.add_typer(webhook_app, name="webhook")
app.add_typer(space_app, name="space")
app.add_typer(db_app, name="db")

app.command("up")(serve.up)
app.command("api")(serve.api)
app.command("worker")(serve.worker)
app.command("ingest")(ingest.ingest)
app.command("reindex")(reindex.reindex)
app.command("search")(ask.search)
app.command("ask")(ask.ask)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("prompts")(prompts.prompts)
tenant_app.command("create")(admin.create_tenant)
tenant_app.command("list")(tenants.list_all)
tenant_app.command("delete")(tenants.delete)
collection_app.command("list")(tenants.collections)
collection_app.command("retention")(tenants.retention)
receipt_app.command("show")(receipts.show)
receipt_app.command("keys")(receipts.keys)
receipt_app.command("verify")(receipts.verify)
receipt_app.command("scan")(receipts.scan)
key_app.command("create")(admin.create_key)
key_app.command("revoke")(admin.revoke_key)
job_app.command("list")(jobs.list_)
job_app.command("retry")(jobs.retry)
job_app.command("cancel")(jobs.cancel)
source_app.command("add")(sources.add)
source_app.command("list")(sources.list_)
source_app.command("sync")(sources.sync)
source_app.command("confirm")(sources.confirm)
source_app.command("remove")(sources.remove)
webhook_app.command("add")(webhooks.add_webhook)
webhook_app.command("list")(webhooks.list_all)
webhook_app.command("remove")(webhooks.remove_webhook)
webhook_app.command("test")(webhooks.send_test)
webhook_app.command("deliveries")(webhooks.show_deliveries)
space_app.command("create")(spaces.create)
space_app.command("list")(spaces.list_spaces)
space_app.command("backfill")(spaces.backfill)
space_app.command("tune")(spaces.tune)
space_app.command("compare")(space_compare.compare)
space_app.command("activate")(spaces.activate)
space_app.command("drop")(spaces.drop)
db_app.command("upgrade")(admin.upgrade_database)
db_app.command("prune")(admin.prune_database)


@app.command("eval", add_help_option=False, context_settings=PASS_ALL_ON)
def evaluate(context: typer.Context) -> None:
    """Measure quality, on questions with known answers."""
    require_packages(FITTING, purpose="evaluations")
    _run_late("eval", context)


if HAS_BENCHMARKS:

    @app.command("bench", add_help_option=False, context_settings=PASS_ALL_ON)
    def bench(context: typer.Context) -> None:
        """Measure speed, and write the results."""
        # Not installed: an editable install has the packages of the wheel only.
        sys.path.append(str(CHECKOUT))
        _run_late("bench", context)


def _run_late(name: str, context: typer.Context) -> None:
    command: typer.Typer = import_module(MODULE_BY_LATE_COMMAND[name]).app
    command(args=context.args, prog_name=context.command_path)


def main() -> None:
    """Runs a command; what it writes is its user's own, and a signal unwinds and stops it."""
    os.umask(OWNER_ONLY)
    # On stderr; a command may say more or less.
    configure_logging("warning")
    if threading.current_thread() is threading.main_thread():
        stopping.obey_signals()
    try:
        app()
    except KnowledgeBaseError as error:
        _fail(f"{error.message} [{error.code}]")
    except OSError as error:
        _fail(system_failure(error))
    except ValidationError as error:
        # The faults of settings, under their names in the environment, or of arguments.
        prefix = "FOOTNOTE_" if error.title == Settings.__name__ else ""
        faults = []
        for fault in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in fault["loc"])
            faults.append(f"{prefix}{name.upper() if prefix else name}: {fault['msg']}")
        _fail("; ".join(faults))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if stopping.is_requested():
            stopping.exit_now(stopping.exit_code())


def _fail(line: str) -> None:
    print(f"footnote: {line}", file=sys.stderr)  # noqa: T201  # the one line a failure shows
    sys.exit(1)
