"""`footnote doctor`, as the command line takes it."""

from enum import StrEnum
from typing import Annotated

import typer

from footnote.output import JsonOption, PrincipalsOption


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
        from footnote.commands.consistency_check import check_consistency

        check_consistency(
            tenant, settled_seconds=settled_seconds, is_repaired=repair, as_json=as_json
        )
        return
    if subject is Subject.RECALL:
        if tenant is None:
            raise typer.BadParameter("'recall' needs --tenant.")
        from footnote.commands.recall import show_recall
        from kb.principals import split_principals

        show_recall(tenant, split_principals(principals or ""), samples=samples, as_json=as_json)
        return
    from footnote.commands.run_doctor import check_set_up

    check_set_up(as_json=as_json)
