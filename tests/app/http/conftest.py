"""What tests of the routes share."""

from collections.abc import AsyncIterator

import pytest

from app.http.main import build_app
from tests.app.http.described import Described
from tests.app.http.recording import RecordedService, recorded
from tests.service import Service


@pytest.fixture
async def recording(service: Service) -> AsyncIterator[RecordedService]:
    """The service, and what its worker embeds during the test."""
    async with recorded(service) as running:
        yield running


@pytest.fixture
def described(service: Service) -> Described:
    """The routes as /openapi.json tells them."""
    return Described(schema=build_app(service.resources).openapi())
