"""The two tenants of these tests."""

from io import StringIO

import pytest

from kb.logs import configure_logging
from tests.service import Service
from tests.tenancy.world import World, build_world


@pytest.fixture(scope="module")
def building_logs() -> StringIO:
    """All that was logged while the world was built."""
    return StringIO()


@pytest.fixture(scope="module")
async def world(service: Service, building_logs: StringIO) -> World:
    """Built for each module; tests use keys of their own and leave its documents as they are."""
    configure_logging("debug", stream=building_logs)
    try:
        return await build_world(service)
    finally:
        configure_logging("error")
