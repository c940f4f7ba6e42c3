"""Settings: the defaults that the reference promises, and where values come from."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from kb.settings import Settings

DEFAULTS: dict[str, object] = {
    "database_url": None,
    "database_pool_size": 10,
    "file_store_url": None,
    "log_level": "info",
    "embedding_model": "all-MiniLM-L6-v2",
    "embedding_backend": "auto",
    "embedding_batch_size": 8,
    "llm_base_url": None,
    "llm_model": None,
    "llm_api_key": None,
    "llm_timeout_seconds": 60.0,
    "llm_json_schema": True,
    "llm_max_output_tokens": 1024,
    "gateway_file": None,
    "max_upload_bytes": 50_000_000,
    "max_body_bytes": 5_000_000,
    "max_question_chars": 4_000,
    "max_top_k": 100,
    "rate_limit_per_minute": 0,
    "retrieval_candidates": 100,
    "retrieval_lexical_weight": 0.3,
    "search_memory_bytes": 1_000_000_000,
    "rerank_model": None,
    "answer_passages": 8,
    "answer_context_tokens": 3_000,
    "answer_evidence_floor": 0.15,
    "verify_profile": "balanced",
    "grounding_model": None,
    "worker_concurrency": 16,
    "worker_metrics_port": 0,
    "job_max_attempts": 5,
    "stalled_job_seconds": 15,
    "answer_retention_days": 365,
    "metering_retention_days": 400,
    "evaldata": Path("../shared/evaldata"),
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FOOTNOTE_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_setting_has_its_default(name: str) -> None:
    assert getattr(Settings(), name) == DEFAULTS[name]


def test_every_setting_but_the_home_has_its_default_tested_here() -> None:
    assert set(DEFAULTS) == set(Settings.model_fields) - {"home"}


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
