"""`python -m footnote.reference > docs/reference.md`: the reference page, written from the code."""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Final, Literal, get_args, get_origin

import typer
from prometheus_client.metrics import MetricWrapperBase
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from app.answering.outcome import AnswerReason, AnswerStatus
from app.http.error_page import error_rows
from footnote.cli import MODULE_BY_LATE_COMMAND, app
from footnote.meanings import (
    RECEIPT_FIELDS,
    reason_meaning,
    remaining_meaning,
    scope_meaning,
    status_meaning,
)
from kb.receipts import REMAINING
from kb.settings import Settings
from kb.store.choices import SCOPES
from kb.telemetry import Metrics

UNIT_BY_SUFFIX: Final = {
    "_attempts": "attempts",
    "_bytes": "bytes",
    "_candidates": "candidates",
    "_chars": "characters",
    "_concurrency": "documents",
    "_days": "days",
    "_evidence_floor": "probability",
    "_passages": "passages",
    "_per_minute": "requests per minute",
    "_pool_size": "connections",
    "_port": "port",
    "_seconds": "seconds",
    "_tokens": "tokens",
    "_top_k": "passages",
    "_weight": "weight",
}
"""Every setting that is a number ends in one of these."""

INTRODUCTION: Final = """\
# Reference

Generated from the code by `python -m footnote.reference > docs/reference.md`; a test compares the
two. The routes and their bodies are described by the service itself, at `/docs`.
"""


def render_reference() -> str:
    """The page in Markdown."""
    sections = [
        _section(
            "Settings",
            "Footnote reads these from the environment or from a file `.env`; the environment "
            "comes first, and an empty value means unset. "
            "[.env.example](../.env.example) lists them with room to edit.",
            ("variable", "default", "values", "meaning"),
            [_setting_row(*setting) for setting in Settings.model_fields.items()],
        ),
        _section(
            "Answer statuses",
            "The `status` of an answer. Each comes with HTTP 200.",
            ("status", "meaning"),
            [(f"`{each}`", status_meaning(each)) for each in get_args(AnswerStatus)],
        ),
        _section(
            "Answer reasons",
            "The `reason` of an answer; null where the status says enough.",
            ("reason", "meaning"),
            [(f"`{each}`", reason_meaning(each)) for each in get_args(AnswerReason)],
        ),
        _error_section(),
        _section(
            "Scopes",
            "What a key may do: `footnote key create --scopes`.",
            ("scope", "allows"),
            [(f"`{scope}`", scope_meaning(scope)) for scope in SCOPES],
        ),
        *_receipt_sections(),
        _section(
            "Command line",
            "Exit codes: 0 success, 1 failure with one line on stderr, 2 wrong usage. "
            "`--help` says what each option means.",
            ("command", "options", "meaning"),
            list(_command_rows(get_command(app), "footnote")),
        ),
        _section(
            "Metrics",
            "For Prometheus: `GET /metrics` of the API, and of a worker on "
            "`FOOTNOTE_WORKER_METRICS_PORT`. `footnote up` shows those of its worker among its "
            'own, with the label `process="worker"`. Beside them stand `process_*`: memory, '
            "processor time, open files and start of the process, on Linux. No label holds a "
            "tenant, a document or a caller's words.",
            ("metric", "type", "labels", "meaning"),
            list(_metric_rows()),
        ),
    ]
    return "\n".join([INTRODUCTION, *sections])


def _error_section() -> str:
    return _section(
        "Error codes",
        "An error is `application/problem+json` (RFC 9457) with a stable `code` and the "
        "`request_id` to look for in the log; `type` leads to the code on the service's own "
        "page, `/docs/errors`. The chat route wraps the same code in OpenAI's shape. A "
        "document that cannot be read is accepted first; its job and its `error` then carry "
        "the code.",
        ("code", "status", "meaning", "what to do"),
        [
            (f'<a id="{row.code}"></a>`{row.code}`', str(row.status), row.meaning, row.remedy)
            for row in error_rows()
        ],
    )


def _receipt_sections() -> list[str]:
    return [
        _section(
            "Receipts",
            "What `DELETE /v1/documents/{id}`, `GET /v1/documents/{id}/receipt` and "
            "`footnote tenant delete` give. "
            "[Delete and prove it](how-to/delete-and-prove-it.md) says how to check one.",
            ("field", "meaning"),
            [(_coded(names), meaning) for names, meaning in RECEIPT_FIELDS.items()],
        ),
        _section(
            "What a deletion leaves",
            "The codes in `remaining`; each receipt has all of them.",
            ("code", "meaning"),
            [(f"`{each}`", remaining_meaning(each)) for each in REMAINING],
        ),
    ]


def _coded(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def _section(
    title: str, introduction: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    lines = [header, ["---"] * len(header), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"## {title}\n\n{introduction}\n\n{table}\n"


def _setting_row(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    default = "unset"
    if field.default_factory is None and field.default is not None:
        written = str(field.default)
        default = f"`{written.lower() if field.annotation is bool else written}`"
    return f"`FOOTNOTE_{name.upper()}`", default, _allowed(name, field), field.description or ""


def _allowed(name: str, field: FieldInfo) -> str:
    """The values of a setting: its literals, or its unit and range."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    if field.annotation is bool:
        return "`true`, `false`"
    if field.annotation not in {int, float}:
        return "text"
    unit = next(unit for suffix, unit in UNIT_BY_SUFFIX.items() if name.endswith(suffix))
    bounds = ""
    for constraint in field.metadata:
        match constraint:
            case object(ge=least):
                bounds += f", at least {least:,}"
            case object(gt=below):
                bounds += f", more than {below:,}"
            case object(le=most):
                bounds += f", at most {most:,}"
            case _:
                raise ValueError(f"{name} has a constraint that the reference cannot describe.")
    return unit + bounds


def _command_rows(command: object, name: str) -> Iterator[tuple[str, str, str]]:
    """A command's row, or those of the commands in a group, the late ones included."""
    if isinstance(command, TyperGroup):
        for each in command.list_commands(typer.Context(command)):
            child: object = command.commands[each]
            if name == "footnote" and each in MODULE_BY_LATE_COMMAND:
                child = get_command(import_module(MODULE_BY_LATE_COMMAND[each]).app)
            yield from _command_rows(child, f"{name} {each}")
        return
    if not isinstance(command, TyperCommand):
        raise TypeError(f"{name!r} is no command of Typer")
    arguments, options = [name], []
    for part in command.params:
        if isinstance(part, TyperArgument):
            shown = (part.name or "").upper()
            arguments.append(shown if part.required else f"[{shown}]")
        elif isinstance(part, TyperOption) and not part.hidden:
            options.append(f"`{part.opts[0]}`{' (required)' if part.required else ''}")
    meaning = " ".join((command.help or "").partition("\n\n")[0].split())
    yield f"`{' '.join(arguments)}`", ", ".join(options), meaning


def _metric_rows() -> Iterator[tuple[str, str, str, str]]:
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            # The client library has no public way to the names of the labels.
            labels = metric._labelnames  # noqa: SLF001
            yield f"`{name}`", family.type, ", ".join(labels), family.documentation


if __name__ == "__main__":
    sys.stdout.write(render_reference())
