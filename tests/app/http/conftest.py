"""What tests of the routes share."""

from collections.abc import AsyncIterator

import pytest

from tests.app.http.recording import RecordedService, recorded
from tests.service import Service


@pytest.fixture
async def recording(service: Service) -> AsyncIterator[RecordedService]:
    """The service, and what its worker embeds during the test."""
    async with recorded(service) as running:
        yield running
