"""What the settings and files of a home come to."""

import pytest

from app.policy.model_access import ModelAccess
from app.policy.tenant_policy import EVERYTHING_ALLOWED, TenantPolicies, TenantPolicy
from footnote.language_models import gateway_config
from kb.errors import Misconfigured
from kb.settings import Settings


def test_without_a_model_there_is_no_gateway() -> None:
    assert gateway_config(Settings(), EVERYTHING_ALLOWED) is None


def test_a_policy_that_names_models_needs_the_file_that_has_them() -> None:
    policies = TenantPolicies(default=TenantPolicy(models=ModelAccess(aliases=("default",))))

    with pytest.raises(Misconfigured, match="FOOTNOTE_GATEWAY_FILE"):
        gateway_config(Settings(), policies)
