"""`footnote up`, `api`, `worker` and `demo`, as the command line takes them."""

from typing import Annotated

import typer

from footnote.garbage import rare_collections

HostOption = Annotated[str, typer.Option(help="Address to listen on.")]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def up(host: HostOption = "127.0.0.1", port: PortOption = 8000) -> None:
    """Run everything: database (embedded unless configured), migrations, API and a worker."""
    with rare_collections():
        from footnote.commands import serve_all

    serve_all.up(host, port)


def api(
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    processes: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            help="Processes that share the port and the home, each with memory and database "
            "connections of its own. On two cores more than one gain nothing.",
        ),
    ] = 1,
    inherited: Annotated[
        str | None, typer.Option(hidden=True, help="What one of several has from its parent.")
    ] = None,
) -> None:
    """Run the API alone; the schema must be up to date."""
    if inherited is None and processes > 1:
        with rare_collections():
            from footnote.commands import serve_together

        serve_together.api(host, port, processes)
        return
    with rare_collections():
        from footnote.commands import serve

    if inherited is None:
        serve.api(host, port)
    else:
        serve.one_of_several(host, port, inherited)


def worker(
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="Stop when no job is left.")
    ] = False,
    exit_with: Annotated[
        int | None, typer.Option(hidden=True, help="Stop when this parent process is gone.")
    ] = None,
    metrics_at: Annotated[
        int | None, typer.Option(hidden=True, help="Inherited socket to show metrics on.")
    ] = None,
) -> None:
    """Run a worker that ingests what was uploaded."""
    with rare_collections():
        from footnote.commands import serve_worker

    serve_worker.worker(until_empty=until_empty, exit_with=exit_with, metrics_at=metrics_at)


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on serving afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """Upload the sample documents, ask as different people, print proved answers.

    Runs in a home folder of its own and needs nothing else. Exit 1 if an answer is not as expected.
    """
    from footnote.commands import demo as samples

    samples.demo(keep=keep)
