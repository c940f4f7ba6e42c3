"""Which entries of the gateway's file are one model."""

from dataclasses import replace

import pytest

from app.gateway.target import Target, open_targets
from tests.fakes.gateways import one_model


async def target_at(base_url: str) -> Target:
    config = one_model("http://127.0.0.1:1/v1")
    providers = {
        key: replace(provider, base_url=base_url) for key, provider in config.providers.items()
    }
    async with open_targets(
        replace(config, providers=providers),
        secret=lambda _: None,
        clock=lambda: 0.0,
        on_breaker=lambda *_: None,
    ) as targets:
        return next(iter(targets.values()))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("http://localhost:8000/v1", "http://127.0.0.1:8000/v1/"),
        ("http://[::1]:8000/v1", "http://LOCALHOST:8000/v1"),
        ("https://Models.Example/v1", "https://models.example:443/v1"),
    ],
)
async def test_one_server_under_two_names_is_one(first: str, second: str) -> None:
    assert (await target_at(first)).identity == (await target_at(second)).identity


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("http://localhost:8000/v1", "http://localhost:8001/v1"),
        ("http://localhost:8000/a/v1", "http://localhost:8000/b/v1"),
        ("https://models.example/v1", "https://other.example/v1"),
    ],
)
async def test_two_servers_are_two(first: str, second: str) -> None:
    assert (await target_at(first)).identity != (await target_at(second)).identity
