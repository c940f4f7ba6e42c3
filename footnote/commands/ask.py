"""Searching and asking from the command line: the same objects as the API."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from footnote.output import (
    JsonOption,
    PrincipalsOption,
    TenantOption,
    console,
    print_json,
)

if TYPE_CHECKING:
    from app.identity import Caller
    from app.resources import Resources

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

TopKOption = Annotated[
    int, typer.Option("--top-k", min=1, max=100, help="The most passages to return.")
]
CollectionOption = Annotated[
    str | None, typer.Option("--collection", help="Only in this collection.")
]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", help="Only documents in force then, such as 2026-03-01T00:00:00Z."),
]


class Mode(StrEnum):
    """The searches to make."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    VECTOR = "vector"


def search(  # noqa: PLR0913, PLR0917  # the options of the API
    query: Annotated[str, typer.Argument(help="The query.")],
    tenant: TenantOption,
    principals: PrincipalsOption = None,
    collection: CollectionOption = None,
    top_k: TopKOption = 10,
    mode: Annotated[
        Mode, typer.Option(help="Search by words (lexical), by meaning (vector), or both.")
    ] = Mode.HYBRID,
    as_of: AsOfOption = None,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Order by the model of FOOTNOTE_RERANK_MODEL.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also show how the passages were found.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Find passages."""
    from app.http.search.respond import respond_search
    from app.http.search.schemas import SearchRequest
    from footnote.show import show_hits

    request = SearchRequest.model_validate(
        {
            "query": query,
            "collections": [collection] if collection else None,
            "top_k": top_k,
            "mode": mode.value,
            "as_of": as_of,
            "rerank": rerank,
            "explain": explain,
        }
    )

    response = _respond(respond_search, request, tenant, principals)
    if as_json:
        print_json(response.model_dump(mode="json"))
    else:
        show_hits(console, response)


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    tenant: TenantOption,
    principals: PrincipalsOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a question; every sentence of the answer is proved by a quote."""
    from app.http.answers.respond import respond_answer
    from app.http.answers.schemas import AnswerRequest
    from footnote.show import show_answer

    request = AnswerRequest(question=question, collections=[collection] if collection else None)
    answer = _respond(respond_answer, request, tenant, principals)
    if as_json:
        print_json(answer.model_dump(mode="json"))
    else:
        show_answer(console, answer)


def _respond(
    respond: "Callable[[Resources, Caller, RequestT], Awaitable[ResponseT]]",
    request: RequestT,
    tenant: str,
    principals: str | None,
) -> ResponseT:
    """The response to somebody with these principals, as the API's routes would give it."""
    import asyncio

    from footnote.caller import command_line_caller
    from footnote.on_database import open_database, upgraded_database
    from kb.principals import split_principals
    from kb.settings import Settings

    settings = Settings()

    async def run(url: str) -> ResponseT:
        async with open_database(settings, url) as database:
            caller = await command_line_caller(database, tenant, split_principals(principals or ""))
        # The models take seconds to load, which a misspelled tenant is not worth.
        from footnote.compose import open_resources

        async with open_resources(settings, url) as resources:
            return await respond(resources, caller, request)

    with upgraded_database(settings) as url:
        return asyncio.run(run(url))
