"""The HTTP application."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.http import operation
from app.http.answers import routes as answers
from app.http.answers.streams import AnswerStreams
from app.http.api_description import add_description
from app.http.api_page import add_api_page
from app.http.chat import routes as chat
from app.http.collections import routes as collections
from app.http.database_numbers import DatabaseNumbers
from app.http.documents import routes as documents
from app.http.error_page import add_error_page
from app.http.grounding import routes as grounding
from app.http.jobs import routes as jobs
from app.http.jobs.streams import JobStreams
from app.http.middleware import install_middleware
from app.http.problems import register_error_handlers
from app.http.rate_limit import RateLimiter
from app.http.reindex import routes as reindex
from app.http.search import routes as search
from app.http.sources import routes as sources
from app.http.webhooks import routes as webhooks
from app.resources import Resources

DESCRIPTION = """
Upload documents, ask questions, and get answers in which every sentence is proved by a quote
that the asker was allowed to read.
"""


def build_app(resources: Resources) -> FastAPI:
    """The application on these resources."""
    streams = AnswerStreams(resources)
    job_streams = JobStreams(resources)
    database_numbers = DatabaseNumbers(resources)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await database_numbers.close()
        await streams.close()
        await job_streams.close()

    app = FastAPI(
        title="Footnote",
        version="0.1.0",
        description=DESCRIPTION,
        # FastAPI's own pages load scripts from elsewhere; ours follows below.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.resources = resources
    app.state.streams = streams
    app.state.job_streams = job_streams
    app.state.database_numbers = database_numbers
    app.state.rate_limiter = RateLimiter(resources.request_limits.rate_per_minute)
    for routes in (
        documents,
        collections,
        jobs,
        search,
        answers,
        chat,
        grounding,
        reindex,
        sources,
        webhooks,
    ):
        app.include_router(routes.router, prefix="/v1")
    app.include_router(operation.router)
    add_description(app)
    add_api_page(app)
    add_error_page(app)
    register_error_handlers(app)
    install_middleware(app, resources)
    # FastAPI builds a route when it is first looked at, which would be the first request's time.
    deque(iter_route_contexts(app.routes), maxlen=0)
    return app
