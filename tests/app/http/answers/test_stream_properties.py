"""Whatever a model writes and however it arrives: a stream ends as the whole answer would, and no
event tells anything unproved.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.gateway.config import GatewayConfig, Model, Provider, single_model_config
from app.policy.model_access import ModelAccess
from tests.app.http.answers.test_answer_streams import VARYING, read_stream
from tests.fakes.gateways import running_gateway
from tests.fakes.scripted_model import SOURCE, Script, ScriptedModel, scripted_model
from tests.service import Person, Service

EXAMPLES = 40
"""Two answers each, which take a tenth of a second: more would make the file slow."""

TRUE = (
    "Every employee has 31 days of annual leave.",
    "Unused leave does not expire before March 2027.",
    "Parental leave lasts 18 weeks and is paid by the Northfield office.",
)
DOCUMENT = f"# Leave policy\n\n{TRUE[0]} {TRUE[1]}\n{TRUE[2]}\n"
QUESTION = "How many days of annual leave does every employee have?"

CANARY = "Zebrafish"
"""Stands in everything unproved that a model writes, and in nothing else."""

LIES = (
    f"Every employee has 31 days of annual leave and a {CANARY}.",
    f"The {CANARY} has 31 days of annual leave.",
    f"{CANARY}.",
    # No name, which any check would miss: ordinary words in the place of others.
    f"Every {CANARY.lower()} has 31 days of annual leave.",
    f"Every employee has 31 days of annual {CANARY.lower()}.",
)
ALIASES = ("schema", "text")


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as server:
        yield server


@pytest.fixture(scope="module")
async def ana(service: Service, model: ScriptedModel) -> AsyncIterator[Person]:
    """Somebody with one document, asking a service that has the scripted model."""
    person = await service.person(await service.new_tenant(), "user:ana")
    await person.upload(DOCUMENT)
    async with asked_with(service, model.base_url) as running:
        yield replace(person, service=running)


@asynccontextmanager
async def asked_with(service: Service, base_url: str) -> AsyncIterator[Service]:
    async with running_gateway(two_aliases(base_url), service.resources.database) as gateway:
        answerer = replace(service.resources.answerer, gateway=gateway)
        limits = replace(service.resources.request_limits, rate_per_minute=1_000_000)
        resources = replace(service.resources, answerer=answerer, request_limits=limits)
        async with service.with_resources(resources) as other:
            yield other


def two_aliases(base_url: str) -> GatewayConfig:
    """The server's model held to a JSON schema, and not."""
    held = Model(provider="default", name="scripted", max_output_tokens=500, retries=0)
    config = single_model_config(Provider(base_url=base_url), held, answer_seconds=30)
    (alias,) = config.aliases.values()
    (target,) = alias.targets
    return replace(
        config,
        models={"schema": held, "text": replace(held, structured_output="text")},
        aliases={name: replace(alias, targets=(replace(target, model=name),)) for name in ALIASES},
        tenants={"default": ModelAccess(aliases=ALIASES)},
    )


# --- What a model may write ----------------------------------------------------------------------

json_scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8)


def citation(source: object, quote: object) -> dict[str, object]:
    return {"source": source, "quote": quote}


true_claims = st.sampled_from(TRUE).map(
    lambda sentence: {"text": sentence, "citations": [citation(SOURCE, sentence)]}
)
lies = st.builds(
    lambda text, source, quotes: {
        "text": text,
        "citations": [citation(source, quote) for quote in quotes],
    },
    st.sampled_from(LIES) | st.text(max_size=30).map(lambda text: f"{text} {CANARY}"),
    st.sampled_from([SOURCE, "zz99zz"]),
    st.lists(st.sampled_from([*TRUE, *LIES, ""]), max_size=2),
)
shapeless = st.dictionaries(
    st.sampled_from(["text", "citations", "extra"]),
    json_scalars | st.lists(json_scalars, max_size=2),
    max_size=3,
)
drafts: st.SearchStrategy[dict[str, object]] = st.builds(
    dict,
    status=st.sampled_from(["answered"] * 4 + ["unsupported", "needs_clarification", "sure"]),
    claims=st.lists(true_claims | true_claims | lies | shapeless, max_size=4),
    clarifying_question=st.none() | st.sampled_from([f"Do you mean the {CANARY}?", CANARY]),
)


@st.composite
def outputs(draw: st.DrawFn) -> str:
    """A draft with its keys in any order, perhaps cut off or wrapped; or any text at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.text(min_size=1, max_size=60))
    draft = draw(drafts)
    keys = draw(st.permutations(sorted(draft)))
    text = json.dumps(
        {key: draft[key] for key in keys},
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 2])),
    )
    kind = draw(st.sampled_from(["whole"] * 3 + ["cut", "wrapped", "followed"]))
    if kind == "cut":
        return text[: draw(st.integers(1, len(text)))]
    if kind == "wrapped":
        return f"Here you are, {CANARY}:\n```json\n{text}\n```"
    return f"{text} {CANARY} {draw(st.text(max_size=20))}" if kind == "followed" else text


cuts = st.lists(st.floats(0, 1, allow_nan=False), max_size=12).map(tuple)
scripts = st.builds(
    Script,
    text=outputs(),
    finish_reason=st.sampled_from(["stop", "stop", "length"]),
    cuts=cuts,
    byte_cuts=cuts,
)


# --- The property --------------------------------------------------------------------------------

TRUE_CLAIM = json.dumps({"text": TRUE[0], "citations": [citation(SOURCE, TRUE[0])]})
TRUE_THEN_BROKEN = f'{{"status": "answered", "claims": [{TRUE_CLAIM}, {CANARY} without an end]}}'
"""Cut behind the claim or not, the claim stands."""
LIE_WITH_PROOFS = json.dumps(
    {
        "claims": [
            {"text": LIES[0], "citations": [citation(SOURCE, TRUE[1]), citation(SOURCE, TRUE[0])]}
        ],
        "status": "answered",
    }
)
"""The claim gives way to what it quotes, in an order which is not that of the document."""


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    # The service is one for all examples on purpose: starting it takes longer than they do.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=scripts, other_cuts=cuts, alias=st.sampled_from(ALIASES))
@example(script=Script(text=TRUE_THEN_BROKEN, cuts=(0.85,)), other_cuts=(), alias="text")
@example(script=Script(text=LIE_WITH_PROOFS), other_cuts=(), alias="schema")
async def test_a_stream_ends_as_the_whole_answer_and_tells_nothing_unproved(
    ana: Person, model: ScriptedModel, script: Script, other_cuts: tuple[float, ...], alias: str
) -> None:
    model.script = replace(script, cuts=other_cuts, byte_cuts=())
    whole = (await ana.ask(QUESTION, model=alias)).json()
    model.script = script

    events = await read_stream(ana, {"question": QUESTION, "model": alias, "stream": True})

    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert lasting(events[-1].data) == lasting(whole)
    for event in events:
        assert CANARY.casefold() not in json.dumps(event.data).casefold(), event
    verified = [
        cast("Mapping[str, object]", event.data["claim"])  # parsed JSON
        for event in events
        if event.name == "claim.verified"
    ]
    assert verified == supported(whole)
    # Sentences of the source stand in the order in which they were quoted.
    words = " ".join(TRUE)
    told = [line for claim in verified for line in str(claim["text"]).splitlines()]
    assert all(line in words for line in told), told


def lasting(body: Mapping[str, object]) -> dict[str, object]:
    """What two answers to one question have in common."""
    return {name: value for name, value in body.items() if name not in VARYING}


def supported(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    claims = cast("list[Mapping[str, object]]", body.get("claims", []))  # parsed JSON
    return [claim for claim in claims if claim["verdict"] == "supported"]
