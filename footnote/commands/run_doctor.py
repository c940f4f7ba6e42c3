"""The checks of the set-up, printed, each with its remedy."""

from collections.abc import Sequence
from typing import Final

import typer

from footnote.checks.check import Check, Status
from footnote.checks.machine import check_machine
from footnote.checks.stored import check_database
from footnote.output import console, print_json, styled
from kb.settings import Settings

MARK_BY_STATUS: Final[dict[Status, tuple[str, str]]] = {
    "ok": ("ok  ", "green"),
    "warning": ("WARN", "yellow"),
    "failed": ("FAIL", "red"),
    "skipped": ("skip", ""),
}
"""The word and its style."""


def check_set_up(*, as_json: bool) -> None:
    """Prints the checks; exit 1 when one failed."""
    settings = Settings()
    local = check_machine(settings)
    has_home = any(check.name == "home" and check.status == "ok" for check in local)
    checks = [*local, *check_database(settings, has_home=has_home)]
    is_well = all(check.status != "failed" for check in checks)
    if as_json:
        print_json({"ok": is_well, "checks": [_as_json(check) for check in checks]})
    else:
        _show(checks)
    if not is_well:
        raise typer.Exit(1)


def _as_json(check: Check) -> dict[str, object]:
    """`ok` is null for a check that was not made."""
    return {
        "name": check.name,
        "status": check.status,
        "ok": None if check.status == "skipped" else check.status != "failed",
        "detail": check.detail,
        "mend": None if check.status == "ok" else check.mend,
    }


def _show(checks: Sequence[Check]) -> None:
    for check in checks:
        console.print(styled(MARK_BY_STATUS[check.status], f" {check.name}: {check.detail}"))
        if check.mend and check.status != "ok":
            console.print(f"     {check.mend}")
