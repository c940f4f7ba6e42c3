"""A tenant's policy: what a file may say, and what comes of it."""

from pathlib import Path
from uuid import UUID

import pytest

from app.policy.tenant_policy import TenantPolicies, TenantPolicy, escalation_reason, load_policies
from kb.errors import Misconfigured

TENANT = UUID("0192f6c0-5b8e-7c3a-9a59-3f1c1e0a7d11")


def policies_of(folder: Path, text: str) -> TenantPolicies:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return load_policies(path)


def test_without_a_file_everything_is_allowed(tmp_path: Path) -> None:
    assert load_policies(tmp_path / "none.toml").of(TENANT) == TenantPolicy()


def test_tenant_has_its_own_policy_and_others_the_default(tmp_path: Path) -> None:
    policies = policies_of(
        tmp_path,
        "[default]\nmask_personal_data = true\n"
        f'[tenants."{TENANT}"]\nblocked_topics = ["weather"]\nescalate_collections = ["legal"]\n',
    )

    assert policies.of(TENANT) == TenantPolicy(
        blocked_topics=("weather",), escalate_collections=("legal",)
    )
    assert policies.of(UUID(int=1)) == TenantPolicy(mask_personal_data=True)


def test_file_says_which_models_a_tenant_may_use(tmp_path: Path) -> None:
    policies = policies_of(
        tmp_path,
        '[default.models]\naliases = ["small"]\n'
        f'[tenants."{TENANT}"]\nmodels = {{ aliases = ["large"], dollars_per_day = 0.1 }}\n'
        f'[tenants."{UUID(int=1)}"]\nmask_personal_data = true\n',
    )

    access = policies.model_access()

    assert access.keys() == {"default", str(TENANT)}
    assert access["default"].aliases == ("small",)
    assert access[str(TENANT)].microdollars_per_day == 100_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[default.models]\nalias = ["small"]', r"default\.models\.alias"),
        ("[default]\nmask_pii = true", r"default\.mask_pii"),
        ('[default]\nblocked_topics = [""]', r"default\.blocked_topics\.0"),
        ('[tenants.acme]\nblocked_topics = ["weather"]', r"tenants\.acme"),
        ("[defaults]", "defaults"),
        ("[default", "not TOML"),
    ],
)
def test_wrong_file_is_refused_and_named_where(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        policies_of(tmp_path, text)


def test_topics_and_collections_ask_for_a_person() -> None:
    policy = TenantPolicy(escalate_topics=("harassment",), escalate_collections=("legal",))

    assert escalation_reason(policy, "Who hears complaints of harassment?", []) == (
        "topic 'harassment'"
    )
    assert escalation_reason(policy, "May I sue?", ["hr", "legal"]) == "collection 'legal'"
    assert escalation_reason(policy, "How long is leave?", ["hr"]) is None
