"""The API's description, as the service sends it."""

from typing import Any

import pytest

from app.http.main import build_app
from tests.service import Service


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    """The description, JSON of the shape that OpenAPI gives it."""
    return build_app(service.resources).openapi()
