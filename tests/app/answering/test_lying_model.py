"""Hundreds of lies through a real model server, generation and verification: none gets out."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from app.answering.claims import Draft
from app.answering.prompts.prompt import load_prompt
from app.gateway.endpoint import ModelEndpoint
from app.gateway.language_model import LanguageModel
from kb.errors import LlmOutputInvalid, LlmUnavailable
from tests.app.answering.verify.drafts import Verification, verify
from tests.fakes.language_model import LyingLanguageModel, lying_language_model
from tests.fakes.sources import context_of
from tests.fakes.whole_draft import whole_draft

PASSAGES = (
    Path(__file__).with_name("lying_model_passages.txt").read_text(encoding="utf-8").strip()
).split("\n--\n")
SENTENCES = [
    sentence for passage in PASSAGES for sentence in re.split(r"(?<=[.])\s(?=[A-Z])", passage)
]
CONTEXT = context_of(PASSAGES)
PROMPT = load_prompt("answer@1")

LIES = (
    "invented_source",
    "wrong_source",
    "false_quote",
    "fabricated",
    "fabricated_with_true_quote",
    "surplus_clause",
    "swapped_quote",
    "one_word_quote",
    "changed_number",
    "changed_number_and_quote",
    "swapped_numbers",
    "swapped_numbers_and_quote",
    "changed_unit",
    "changed_unit_and_quote",
    "changed_name",
    "changed_name_and_quote",
    "added_not",
    "added_not_and_quote",
    "removed_not",
    "removed_not_and_quote",
    "opposite_word",
    "opposite_word_and_quote",
    "stronger_word",
    "stronger_word_and_quote",
    "changed_word",
    "changed_word_and_quote",
)
"""What the model claims is not what its quote says, or its quote is not what the source says."""

SHAPELESS = (
    "wrong_shape",
    "not_an_answer",
    "empty_claims",
    "claim_without_citation",
    "empty_quote",
    "not_json",
    "no_choices",
    "no_text",
    "huge_response",
)
"""What the model writes is no draft at all."""

SPOILED = ("extra_field", "cut_off", "extra_prose_around_json")
"""What the model writes around or after its claims is no draft."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one behaviour wrote about one question, and what verification made of it."""

    behaviour: str
    question: str
    draft: Draft
    verification: Verification

    @property
    def invented(self) -> list[str]:
        """What is shown and is no text of a source, joined by spaces."""
        sources = [" ".join(passage.split()) for passage in PASSAGES]
        texts = [" ".join(claim.text.split()) for claim in self.verification.supported]
        return [text for text in texts if not any(text in source for source in sources)]

    @property
    def words(self) -> tuple[str, str, str]:
        claim = self.draft.claims[-1]
        return self.behaviour, claim.text, claim.citations[0].quote


async def tell(
    server: LyingLanguageModel, behaviours: Sequence[str], questions: Sequence[str]
) -> list[Told]:
    """Each behaviour's answer to each question that it has an answer to."""
    endpoint = ModelEndpoint(
        base_url=server.base_url,
        model="liar",
        api_key=None,
        timeout_seconds=30,
        max_output_tokens=500,
    )
    told = []
    async with LanguageModel(endpoint) as model:
        for behaviour in behaviours:
            server.behave(behaviour)
            for question in questions:
                draft = await _drafted(question, model)
                told.append(
                    Told(
                        behaviour=behaviour,
                        question=question,
                        draft=draft,
                        verification=verify(draft, CONTEXT),
                    )
                )
    return told


async def _drafted(question: str, model: LanguageModel) -> Draft:
    """All claims of one answer; LlmOutputInvalid when none had the agreed shape."""
    claims, ending = await whole_draft(question, CONTEXT, model, PROMPT)
    if ending.status is None:
        raise LlmOutputInvalid("No attempt had the agreed shape.")
    return Draft(
        status=ending.status,
        claims=claims,
        clarifying_question=ending.clarifying_question,
    )


QUESTIONS = [passage.split(". ")[index % 3] for index, passage in enumerate(PASSAGES)]
"""One sentence of each passage: the model lies about the sentence that the question is like."""


@pytest_asyncio.fixture(scope="module")
async def lies() -> list[Told]:
    """One lie of each kind about each passage."""
    with lying_language_model("truthful") as server:
        return await tell(server, LIES, QUESTIONS)


@pytest.mark.parametrize("behaviour", LIES)
async def test_no_lie_of_this_kind_is_shown(lies: list[Told], behaviour: str) -> None:
    of_this_kind = [told for told in lies if told.behaviour == behaviour]

    believed = {told.words for told in of_this_kind if told.invented}

    assert of_this_kind
    assert believed == set()


async def test_there_are_hundreds_of_different_lies(lies: list[Told]) -> None:
    different = {told.words for told in lies}

    by_kind = Counter(behaviour for behaviour, _, _ in different)

    assert len(different) >= 200
    assert set(by_kind) == set(LIES)
    assert min(by_kind.values()) >= 5


async def test_a_lie_whose_quote_is_true_becomes_its_quote(lies: list[Told]) -> None:
    told = [each for each in lies if each.behaviour == "fabricated_with_true_quote"]

    assert {each.verification.status for each in told} == {"answered"}
    for each in told:
        (claim,) = each.verification.supported
        assert claim.draft is not None
        assert claim.draft.text == each.draft.claims[0].text


async def test_a_lie_without_a_quote_is_removed(lies: list[Told]) -> None:
    told = [each for each in lies if each.behaviour in {"fabricated", "invented_source"}]

    statuses = {(each.verification.status, each.verification.reason) for each in told}

    assert statuses == {("unsupported", "verification_failed")}


async def test_every_truth_is_supported_by_its_own_source() -> None:
    with lying_language_model("truthful") as server:
        told = await tell(server, ["truthful"], SENTENCES)

    assert {truth.draft.claims[0].text for truth in told} == set(SENTENCES)
    for truth in told:
        (claim,) = truth.verification.supported
        (citation,) = claim.citations
        assert truth.verification.status == "answered"
        assert citation.method == "exact"
        assert claim.text.endswith(truth.question)
        assert claim.text == " ".join(citation.quote.split())
        assert citation.passage.text[citation.char_start : citation.char_end] == citation.quote


async def test_lie_beside_a_truth_is_not_shown_and_the_truth_stays() -> None:
    with lying_language_model("truthful") as server:
        told = await tell(server, ["truth_and_lie"], PASSAGES)

    for both in told:
        kept = both.verification.supported[0]
        assert kept.text == both.draft.claims[0].text
        assert both.invented == []


async def test_marks_that_a_model_writes_itself_never_get_into_an_answer() -> None:
    with lying_language_model("truthful") as server:
        told = await tell(server, ["markers_in_text"], PASSAGES)

    for marked in told:
        assert all("[" not in claim.text for claim in marked.verification.supported)


async def test_truth_said_twice_is_cited_once() -> None:
    with lying_language_model("truthful") as server:
        told = await tell(server, ["duplicate_ids"], PASSAGES)

    for doubled in told:
        for claim in doubled.verification.supported:
            places = [(citation.source, citation.char_start) for citation in claim.citations]
            assert len(places) == len(set(places)) == 1


@pytest.mark.parametrize("behaviour", SHAPELESS)
async def test_output_that_is_no_draft_is_never_verified(behaviour: str) -> None:
    refused = pytest.raises((LlmOutputInvalid, LlmUnavailable))

    with lying_language_model(behaviour) as server, refused:
        await tell(server, [behaviour], PASSAGES[:1])


@pytest.mark.parametrize("behaviour", SPOILED)
async def test_of_spoiled_output_only_proved_claims_are_kept(behaviour: str) -> None:
    with lying_language_model(behaviour) as server:
        (told,) = await tell(server, [behaviour], PASSAGES[:1])

    assert {claim.text for claim in told.verification.supported} <= set(SENTENCES)


@pytest.mark.parametrize("behaviour", ["says_unsupported", "asks_back"])
async def test_model_that_does_not_answer_is_not_made_to(behaviour: str) -> None:
    with lying_language_model(behaviour) as server:
        (told,) = await tell(server, [behaviour], PASSAGES[:1])

    assert told.verification.claims == ()
    assert told.verification.status == told.draft.status
