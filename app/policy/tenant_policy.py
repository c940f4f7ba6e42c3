"""The policies of tenants, on their questions and their models: one TOML file, read once.

[default]
mask_personal_data = true

[tenants."0192f6c0-5b8e-7c3a-9a59-3f1c1e0a7d11"]
blocked_topics = ["salary negotiation"]
escalate_topics = ["harassment"]
escalate_collections = ["legal"]
escalate_after_failures = 3
models = { aliases = ["default"], residency = ["eu"], dollars_per_day = 20 }
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from app.policy.model_access import ModelAccess
from kb.errors import Misconfigured
from language.stems import content_stems

Topic = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)]


@dataclass(frozen=True, kw_only=True)
class TenantPolicy:
    """The policy of one tenant; the default allows everything.

    Attributes:
        blocked_topics: words or phrases; a question about one is `blocked`, `out_of_scope`.
        escalate_topics: a question about one is for a person: `escalate`, `policy`.
        escalate_collections: a question that names one is for a person as well.
        escalate_after_failures: after so many questions of one caller in a row without an answer,
            the last is for a person as well.
        mask_personal_data: answers show personal data masked.
        models: the models of the gateway that it may use; None: those of the default policy.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    blocked_topics: tuple[Topic, ...] = ()
    escalate_topics: tuple[Topic, ...] = ()
    escalate_collections: tuple[str, ...] = ()
    escalate_after_failures: Annotated[int, Field(ge=1, le=100)] | None = None
    mask_personal_data: bool = False
    models: ModelAccess | None = None


@dataclass(frozen=True, kw_only=True)
class TenantPolicies:
    """The whole file: tenants without a policy of their own have the default one."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    default: TenantPolicy = field(default_factory=TenantPolicy)
    tenants: Mapping[UUID, TenantPolicy] = field(default_factory=dict)

    def of(self, tenant_id: UUID) -> TenantPolicy:
        """The tenant's own, else everybody's."""
        return self.tenants.get(tenant_id, self.default)

    def model_access(self) -> dict[str, ModelAccess]:
        """The model access in the file by tenant id; that of all other tenants under `default`."""
        by_tenant = {"default": self.default, **{str(key): p for key, p in self.tenants.items()}}
        return {key: policy.models for key, policy in by_tenant.items() if policy.models}


EVERYTHING_ALLOWED: Final = TenantPolicies()


_FILE: Final = TypeAdapter(TenantPolicies)


def load_policies(path: Path) -> TenantPolicies:
    """The policies of the file; everything is allowed where there is none.

    Raises:
        Misconfigured: it cannot be read, or something in it is wrong or unknown.
    """
    if not path.exists():
        return EVERYTHING_ALLOWED
    try:
        return _FILE.validate_python(
            tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        )
    except (OSError, UnicodeDecodeError):
        raise Misconfigured("The policy file cannot be read.") from None
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"The policy file is not TOML: {error}.") from None
    except ValidationError as error:
        places = {".".join(str(step) for step in fault["loc"]) for fault in error.errors()}
        raise Misconfigured(f"The policy file is wrong at: {', '.join(sorted(places))}.") from None


def matching_topic(text: str, topics: Sequence[str]) -> str | None:
    """The first topic whose words stand in the text together and in order, whatever their form."""
    words = content_stems(text)
    for topic in topics:
        wanted = content_stems(topic)
        starts = range(len(words) - len(wanted) + 1)
        if wanted and any(words[start : start + len(wanted)] == wanted for start in starts):
            return topic
    return None


def escalation_reason(
    policy: TenantPolicy, question: str, collections: Sequence[str]
) -> str | None:
    """The reason for a person to answer this question; None when no person needs to."""
    topic = matching_topic(question, policy.escalate_topics)
    if topic is not None:
        return f"topic {topic!r}"
    named = sorted(set(collections) & set(policy.escalate_collections))
    return f"collection {named[0]!r}" if named else None
