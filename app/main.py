"""The HTTP application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.api_page import add_api_page
from app.http_errors import register_error_handlers
from app.middleware import install_middleware
from app.rate_limit import RateLimiter
from app.resources import Resources
from app.routes import answers, chat, documents, grounding, jobs, operation, search
from app.streams import AnswerStreams

DESCRIPTION = """
Upload documents, ask questions, and get answers in which every sentence is proved by a quote
that the asker was allowed to read.
"""


def build_app(resources: Resources) -> FastAPI:
    """The application on these resources."""
    streams = AnswerStreams(resources)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await streams.close()

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
    app.state.rate_limiter = RateLimiter(resources.request_limits.rate_per_minute)
    for routes in (documents, jobs, search, answers, chat, grounding):
        app.include_router(routes.router, prefix="/v1")
    app.include_router(operation.router)
    add_api_page(app)
    register_error_handlers(app)
    install_middleware(app, resources)
    return app
