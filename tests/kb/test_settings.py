"""Settings: where values come from, and which are refused.

Their defaults stand in .env.example and in the reference, which tests/architecture compares.
"""

from pathlib import Path

import pytest
from pydantic import ValidationError

from kb.settings import Settings, unknown_variables


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FOOTNOTE_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_environment_goes_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("FOOTNOTE_MAX_TOP_K=7\nFOOTNOTE_ANSWER_PASSAGES=3\n")
    monkeypatch.setenv("FOOTNOTE_MAX_TOP_K", "8")

    settings = Settings()

    assert (settings.max_top_k, settings.answer_passages) == (8, 3)


def test_an_empty_variable_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_DATABASE_URL", "")

    assert Settings().database_url is None


def test_local_state_is_below_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOOTNOTE_HOME", str(tmp_path / "new" / "home"))

    settings = Settings()

    assert settings.home_path == (tmp_path / "new" / "home").resolve()
    assert settings.home_path.is_dir()
    assert settings.effective_file_store_url == f"file://{settings.home_path}/files"


def test_a_line_of_the_file_without_its_equals_sign_is_told_without_its_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "FOOTNOTE_LLM_API_KEY:hunter2\n"
        "FOOTNOTE_DATABASE_URL:postgresql://user:hunter2@host/db?sslmode=require\n"
        "FOOTNOTE_TOP_K=3\n"
        "FOOTNOTE_MAX_TOP_K=7\n"
    )
    monkeypatch.setenv("FOOTNOTE_MISSPELT", "hunter2")

    unknown = [name for name in unknown_variables() if name != "FOOTNOTE_EVALDATA"]

    assert unknown == [
        "FOOTNOTE_DATABASE_URL...",
        "FOOTNOTE_LLM_API_KEY...",
        "FOOTNOTE_MISSPELT",
        "FOOTNOTE_TOP_K",
    ]


@pytest.mark.parametrize("name", ["database_url", "llm_api_key"])
def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"FOOTNOTE_{name.upper()}", "postgresql://user:hunter2@host/db")

    settings = Settings()

    assert "hunter2" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("embedding_backend", "cuda"),
        ("max_upload_bytes", "0"),
        ("retrieval_lexical_weight", "1.5"),
        ("stalled_job_seconds", "1"),
        ("worker_concurrency", "many"),
        ("log_level", "loud"),
        ("outbound_private_networks", "10.2.0.1/16"),
    ],
)
def test_a_value_out_of_range_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FOOTNOTE_{name.upper()}", value)

    with pytest.raises(ValidationError, match=name):
        Settings()


def test_a_language_model_needs_an_address_and_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_LLM_BASE_URL", "http://127.0.0.1:1/v1")
    with_address_only = Settings().has_llm
    monkeypatch.setenv("FOOTNOTE_LLM_MODEL", "any")

    assert (with_address_only, Settings().has_llm) == (False, True)


def test_private_networks_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_OUTBOUND_PRIVATE_NETWORKS", "10.2.0.0/16, fd00::/8")

    assert [str(network) for network in Settings().private_networks] == ["10.2.0.0/16", "fd00::/8"]
