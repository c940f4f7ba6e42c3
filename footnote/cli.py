"""The command `footnote`: exit 0 on success, 1 on failure with one line on stderr, 2 on misuse.

The modules of the commands import what parses their options. A command imports what it runs when
it runs, so that help and wrong usage take no model, database or web framework to load.
"""

import functools
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final

import typer

from footnote.commands import (
    admin,
    ask,
    doctor,
    ingest,
    jobs,
    prompts,
    receipts,
    reindex,
    services,
    sources,
    spaces,
    tenants,
    webhooks,
)
from footnote.extras import FITTING, require_packages
from footnote.garbage import rare_collections
from footnote.output import console, progress_console
from kb import stopping
from kb.disk import system_failure
from kb.errors import KnowledgeBaseError

OWNER_ONLY = 0o077
"""The umask: folders are made 0700 and files 0600, by every library and child process too."""

CHECKOUT: Final = Path(__file__).parents[1]
HAS_BENCHMARKS: Final = (CHECKOUT / "evals" / "bench").is_dir()
"""False once installed from a wheel: the results of benchmarks are files of a checkout."""

HELP_BY_GROUP: Final = {
    "tenant": "Tenants: who owns documents.",
    "collection": "Collections of a tenant.",
    "receipt": "Signed receipts of deletions.",
    "key": "API keys of a tenant.",
    "job": "Background jobs.",
    "source": "Places that documents are synchronised from.",
    "webhook": "Webhooks: who is told of events.",
    "space": "Embedding spaces: another model, without a pause.",
    "db": "The database schema.",
}

BRIEF_GROUPS: Final = HELP_BY_GROUP.keys() - {"space"}
"""Their commands work on the database and end; those of spaces load models and read all chunks."""

OF_LIBRARIES: Final[Mapping[str, str]] = {
    # The products that a search makes are too small to divide: waking a second thread costs more
    # than it computes, and a server has its cores busy with other requests.
    "OPENBLAS_NUM_THREADS": "1",
    # Looking through all installed packages for plugins takes 8 ms, and none is to change what is
    # validated.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}
"""Variables that libraries read, unless the operator has set them."""

COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "up": services.up,
    "api": services.api,
    "worker": services.worker,
    "ingest": ingest.ingest,
    "reindex": reindex.reindex,
    "search": ask.search,
    "ask": ask.ask,
    "doctor": doctor.doctor,
    "demo": services.demo,
    "prompts": prompts.prompts,
    "tenant create": admin.create_tenant,
    "tenant list": tenants.list_all,
    "tenant delete": tenants.delete,
    "collection list": tenants.collections,
    "collection retention": tenants.retention,
    "receipt show": receipts.show,
    "receipt keys": receipts.keys,
    "receipt verify": receipts.verify,
    "receipt scan": receipts.scan,
    "key create": admin.create_key,
    "key revoke": admin.revoke_key,
    "job list": jobs.list_,
    "job retry": jobs.retry,
    "job cancel": jobs.cancel,
    "source add": sources.add,
    "source list": sources.list_,
    "source sync": sources.sync,
    "source confirm": sources.confirm,
    "source remove": sources.remove,
    "webhook add": webhooks.add_webhook,
    "webhook list": webhooks.list_all,
    "webhook remove": webhooks.remove_webhook,
    "webhook test": webhooks.send_test,
    "webhook deliveries": webhooks.show_deliveries,
    "space create": spaces.create,
    "space list": spaces.list_spaces,
    "space backfill": spaces.backfill,
    "space tune": spaces.tune,
    "space compare": spaces.compare,
    "space activate": spaces.activate,
    "space drop": spaces.drop,
    "db upgrade": admin.upgrade_database,
    "db prune": admin.prune_database,
}

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


def _logging(function: Callable[..., None], *, is_brief: bool) -> Callable[..., None]:
    """The command, its logs of warnings on stderr; what it runs may say more or less."""

    @functools.wraps(function)
    def command(**options: object) -> None:
        with rare_collections() if is_brief else nullcontext():
            from kb.logs import configure_logging
            from kb.settings import Settings

            configure_logging("warning", Settings().log_format)
            function(**options)

    return command


def _show_version(is_wanted: bool) -> None:  # noqa: FBT001  # as Typer calls it
    if is_wanted:
        python = ".".join(str(part) for part in sys.version_info[:3])
        console.print(f"footnote {version('footnote')} (Python {python})")
        raise typer.Exit


def _footnote(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """A knowledge base whose every answer sentence is proved by a quote the asker may read."""


def _evaluate(context: typer.Context) -> None:
    """Measure quality, on questions with known answers."""
    require_packages(FITTING, purpose="evaluations")
    _run_late("eval", context)


def _bench(context: typer.Context) -> None:
    """Measure speed, and write the results."""
    # Not installed: an editable install has the packages of the wheel only.
    sys.path.append(str(CHECKOUT))
    _run_late("bench", context)


def _run_late(name: str, context: typer.Context) -> None:
    command: typer.Typer = import_module(MODULE_BY_LATE_COMMAND[name]).app
    command(args=context.args, prog_name=context.command_path)


def _build_app() -> typer.Typer:
    built = typer.Typer(
        name="footnote",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    built.callback()(_footnote)
    groups = {"": built}
    for name, told in HELP_BY_GROUP.items():
        groups[name] = typer.Typer(help=told, no_args_is_help=True)
        built.add_typer(groups[name], name=name)
    for path, function in COMMANDS.items():
        group, _, name = path.rpartition(" ")
        groups[group].command(name)(_logging(function, is_brief=group in BRIEF_GROUPS))
    late = {"eval": _evaluate, "bench": _bench}
    for name in MODULE_BY_LATE_COMMAND:
        built.command(name, add_help_option=False, context_settings=PASS_ALL_ON)(late[name])
    return built


app = _build_app()


def main() -> None:
    """Runs the command and ends the process at once.

    Taking all modules apart, as the interpreter does at its end, costs .3 s of a core.
    """
    os.umask(OWNER_ONLY)
    for name, value in OF_LIBRARIES.items():
        # Before the libraries are imported; child processes inherit it.
        os.environ.setdefault(name, value)  # noqa: TID251  # not ours
    stopping.obey_signals()
    exit_code = run()
    stopping.exit_now(stopping.exit_code() if stopping.is_requested() else exit_code)


def run() -> int:
    """The exit code of the command that the process was given; a signal unwinds and stops it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that lacks a character gets its escape.
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app()
        finally:
            # Here, where it can still be told that the disk is full.
            sys.stdout.flush()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has enough.
        return 1
    except Exception as error:  # noqa: BLE001  # the door of the command line: never a traceback
        progress_console.print(f"footnote: {_told(error)}")
    return 1


def _told(error: Exception) -> str:
    """The error in one line."""
    from pydantic import ValidationError

    match error:
        case KnowledgeBaseError():
            return f"{error.message} [{error.code}]"
        case ValidationError():
            # The faults of settings, under their names in the environment, or of arguments.
            prefix = "FOOTNOTE_" if error.title == "Settings" else ""
            faults = []
            for fault in error.errors(include_input=False, include_url=False):
                name = "_".join(str(part) for part in fault["loc"])
                faults.append(f"{prefix}{name.upper() if prefix else name}: {fault['msg']}")
            return "; ".join(faults)
        case OSError(strerror=str()):
            return system_failure(error)
        case _:
            return _unexpected(error)


def _unexpected(error: Exception) -> str:
    """The kind and the place of a fault of ours; at FOOTNOTE_LOG_LEVEL=debug also its traceback.

    Its message may quote a document, or be a page of SQL.
    """
    from kb.settings import Settings

    with suppress(ValueError):
        if Settings().log_level == "debug":
            traceback.print_exception(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"Unexpected {type(error).__name__} in {Path(place.filename).name}, line {place.lineno}. "
        "This is a fault of Footnote: FOOTNOTE_LOG_LEVEL=debug shows more to report."
    )
