"""Costs in whole micro-dollars, and bounds of what a call may use."""

from decimal import Decimal

from app.gateway.chat import Completion, Message
from app.gateway.prices import Price, Tokens, estimated_tokens, most_tokens, reported_tokens

PRICE = Price(input=Decimal("2.5"), output=Decimal(10), cached=Decimal("0.25"))


def completion(input_tokens: int | None, output_tokens: int | None) -> Completion:
    return Completion(
        text="x",
        finish_reason="stop",
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        model="m",
    )


def test_cached_input_has_a_price_of_its_own() -> None:
    # 60 * 2.5 + 40 * 0.25 + 20 * 10 = 150 + 10 + 200
    assert PRICE.of(Tokens(input=100, cached=40, output=20)) == 360


def test_without_a_price_of_its_own_cached_input_costs_like_other_input() -> None:
    price = Price(input=Decimal(1), output=Decimal(0))

    assert price.of(Tokens(input=100, cached=40, output=20)) == 100


def test_a_part_of_a_micro_dollar_is_rounded_up() -> None:
    # 1 * 0.1 = 0.1
    assert Price(input=Decimal("0.1"), output=Decimal(0)).of(Tokens(input=1, output=0)) == 1


def test_counts_are_taken_only_when_both_are_reported() -> None:
    assert reported_tokens(completion(10, None)) is None
    assert reported_tokens(completion(10, 0)) == Tokens(input=10, output=0)


def test_an_estimate_says_that_it_is_one() -> None:
    messages = (Message(role="user", content="12345"),)

    assert estimated_tokens(messages, 8) == Tokens(input=2, output=2, is_estimated=True)


def test_most_that_is_read_is_a_token_a_byte_with_the_schema() -> None:
    messages = (Message(role="user", content="äöü"),)

    # 3 letters of 2 bytes, the schema '{"a": 1}' of 8, and 16 around each.
    assert most_tokens(messages, {"a": 1}, 50).input == 6 + 16 + 8 + 16
    assert most_tokens(messages, None, 50).output == 50
