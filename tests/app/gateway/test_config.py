"""The gateway file: the documented example works, and every mistake is named by its key."""

import re
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from app.gateway.config import GatewayConfig, load_gateway_file, read_gateway_config
from app.gateway.target import open_targets
from app.policy.model_access import ModelAccess
from app.policy.tenant_policy import TenantPolicies, TenantPolicy
from kb.errors import Misconfigured

DOCUMENT = Path(__file__).parents[3] / "docs" / "how-to" / "use-language-models.md"

SMALL = """
price_version = "2026-11"

[providers.local]
base_url = "http://localhost:11434/v1"

[models.llama]
provider = "local"
name = "llama3.1"
price = { input = 0, output = 0 }

[aliases.default]
targets = [{ model = "llama" }]

[tenants.default]
aliases = ["default"]
"""


def documented() -> str:
    (example,) = re.findall(r"^```toml\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return str(example)


async def opened_keys(config: GatewayConfig, variables: dict[str, str]) -> set[str]:
    """The models whose targets can be opened with these variables set."""

    def secret(name: str) -> SecretStr | None:
        return SecretStr(variables[name]) if name in variables else None

    async with open_targets(
        config, secret=secret, clock=lambda: 0.0, on_breaker=lambda _key, _state: None
    ) as targets:
        return set(targets)


async def test_the_documented_example_can_be_used_as_it_is() -> None:
    config = read_gateway_config(documented())
    variables = {"OPENAI_API_KEY": "a", "AZURE_OPENAI_KEY": "b"}

    assert await opened_keys(config, variables) == set(config.models)
    assert {provider.residency for provider in config.providers.values()} == {"us", "eu", "here"}


def test_a_small_file_is_enough() -> None:
    config = read_gateway_config(SMALL)

    assert config.access_of(UUID(int=1)).aliases == ("default",)
    assert config.models["llama"].total_seconds == 60


def test_prices_are_read_exactly() -> None:
    config = read_gateway_config(SMALL.replace("input = 0,", "input = 0.1,"))

    price = config.models["llama"].price
    assert price is not None
    assert price.input == Decimal("0.1")


def test_a_tenant_has_its_own_policy_by_its_id() -> None:
    own = '\n[tenants.00000000-0000-0000-0000-000000000001]\naliases = ["default"]\n'
    config = read_gateway_config(SMALL + own + 'when_down = "extractive"\n')

    assert config.access_of(UUID(int=1)).when_down == "extractive"
    assert config.access_of(UUID(int=2)).when_down == "fail"


def test_what_a_tenant_may_use_may_stand_with_the_rest_of_its_policy() -> None:
    own = TenantPolicy(models=ModelAccess(aliases=("default",), when_down="extractive"))
    config = read_gateway_config(SMALL, TenantPolicies(tenants={UUID(int=1): own}))

    assert config.access_of(UUID(int=1)).when_down == "extractive"
    assert config.access_of(UUID(int=2)).when_down == "fail"


def test_what_everybody_may_use_may_stand_there_too() -> None:
    everybody = TenantPolicy(models=ModelAccess(aliases=("default",), when_down="extractive"))
    without = SMALL.replace('[tenants.default]\naliases = ["default"]\n', "")

    config = read_gateway_config(without, TenantPolicies(default=everybody))

    assert config.access_of(UUID(int=1)).when_down == "extractive"


def test_two_files_that_both_say_what_a_tenant_may_use_are_refused() -> None:
    everybody = TenantPolicy(models=ModelAccess(aliases=("default",)))

    with pytest.raises(Misconfigured, match=r"tenants\.default: policy\.toml says"):
        read_gateway_config(SMALL, TenantPolicies(default=everybody))


def test_models_of_a_policy_are_checked_like_those_of_the_gateway_file() -> None:
    own = TenantPolicy(models=ModelAccess(aliases=("best",)))

    with pytest.raises(Misconfigured, match="there is no alias 'best'"):
        read_gateway_config(SMALL, TenantPolicies(tenants={UUID(int=1): own}))


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("[providers.local]", "[providers.local", "not TOML"),
        ('name = "llama3.1"', "", "models.llama.name: Field required"),
        ('name = "llama3.1"', 'nmae = "llama3.1"', "models.llama.nmae: Unexpected"),
        ("input = 0,", "input = -1,", "models.llama.price.input: Input should be greater"),
        ("input = 0,", "input = 0, ouput = 1,", "models.llama.price.ouput: Unexpected"),
        ("price = { input = 0, output = 0 }", "", "models.llama.price: missing"),
        ('price_version = "2026-11"', "", "price_version: missing"),
        ('provider = "local"', 'provider = "remote"', "models.llama.provider: there is no"),
        ('{ model = "llama" }', '{ model = "gpt" }', "aliases.default: there is no model 'gpt'"),
        ('[{ model = "llama" }]', "[]", "aliases.default.targets: "),
        ("[tenants.default]", "[tenants.acme]", "tenants.default: missing"),
        ('aliases = ["default"]', 'aliases = ["best"]', "tenants.default.aliases: there is no"),
        ('aliases = ["default"]', "aliases = []", "tenants.default.aliases: "),
        (
            'aliases = ["default"]',
            'aliases = ["default"]\nresidency = ["eu"]',
            "no model of 'default' is within the tenant's residency",
        ),
        (
            'aliases = ["default"]',
            'aliases = ["default"]\njudge = "best"',
            "tenants.default.judge: there is no alias 'best'",
        ),
        (
            'aliases = ["default"]',
            'aliases = ["default"]\nmoderation = "guard"',
            "tenants.default.moderation: there is no model 'guard'",
        ),
        (
            'aliases = ["default"]',
            'aliases = ["default"]\nmoderation = "llama"\nresidency = ["eu"]',
            "tenants.default.moderation: 'llama' is not within the tenant's residency",
        ),
        (
            "price = { input = 0, output = 0 }",
            "total_seconds = 0",
            "models.llama.total_seconds: Input should be greater than 0",
        ),
        ("[models.llama]", '[models."Llama 3"]', "models.Llama 3"),
    ],
)
def test_a_mistake_is_named_by_its_key(written: str, instead: str, told: str) -> None:
    assert written in SMALL

    with pytest.raises(Misconfigured) as raised:
        read_gateway_config(SMALL.replace(written, instead))

    assert told in raised.value.message


def test_a_budget_needs_prices() -> None:
    without = SMALL.replace("price = { input = 0, output = 0 }", "")
    allowed = without.replace("[providers", "allow_unknown_price = true\n[providers", 1)
    read_gateway_config(allowed)

    with pytest.raises(Misconfigured, match="have no price, but the tenant has a budget"):
        read_gateway_config(allowed + "dollars_per_day = 5\n")


def test_a_tenant_that_is_not_named_by_its_id_is_a_mistake() -> None:
    with pytest.raises(Misconfigured, match="must be a tenant's id"):
        read_gateway_config(SMALL + '\n[tenants.acme]\naliases = ["default"]\n')


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    leaky = SMALL.replace("[models.llama]", 'headers = { key = ["sk-secret"] }\n[models.llama]')

    with pytest.raises(Misconfigured, match=r"providers\.local\.headers\.key") as raised:
        read_gateway_config(leaky)

    assert "sk-secret" not in repr(raised.value)


async def test_a_key_that_is_not_set_is_named() -> None:
    config = read_gateway_config(
        SMALL.replace("[models.llama]", 'key_variable = "MY_KEY"\n[models.llama]')
    )

    with pytest.raises(Misconfigured, match="MY_KEY is not set"):
        await opened_keys(config, {})


async def test_an_address_that_is_none_is_refused() -> None:
    config = read_gateway_config(SMALL.replace("http://localhost", "localhost"))

    with pytest.raises(Misconfigured, match="base URL"):
        await opened_keys(config, {})


def test_a_file_that_is_not_there_is_named_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="FOOTNOTE_GATEWAY_FILE"):
        load_gateway_file(tmp_path / "missing.toml")
