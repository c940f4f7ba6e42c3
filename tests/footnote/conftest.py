"""What tests of the command line share."""

import pytest

from kb.settings import Settings


@pytest.fixture(scope="session")
def environment(settings: Settings, database_url: str) -> dict[str, str]:
    """Lets a command work on the session's home and database."""
    return {"FOOTNOTE_HOME": str(settings.home_path), "FOOTNOTE_DATABASE_URL": database_url}
