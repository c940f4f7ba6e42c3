"""What verification promises, over many sentences: no falsehood passes, and few truths fall."""

import pytest

from app.claims import Verdict
from tests.app.verify.corruptions import CORRUPTIONS
from tests.app.verify.drafts import judge
from tests.app.verify.paraphrases import PARAPHRASES
from tests.fakes.sources import context_of

TRUE_SENTENCES = [sentence for sentence, _ in PARAPHRASES]
RETELLINGS = dict(PARAPHRASES)
AROUND = "This page was last reviewed by the quality team. {} Questions go to the help desk."


def corrupted(kind: str, *, of_retellings: bool) -> list[tuple[str, str]]:
    """Each sentence with each falsehood that can be made of it, or of its retelling."""
    return [
        (sentence, falsehood)
        for sentence in TRUE_SENTENCES
        for falsehood in CORRUPTIONS[kind](RETELLINGS[sentence] if of_retellings else sentence)
    ]


def verdict(claim: str, sentence: str, quote: str | None = None) -> Verdict:
    context = context_of([AROUND.format(sentence)])
    return judge(claim, quote or sentence, context=context).verdict


def test_there_are_hundreds_of_falsehoods() -> None:
    falsehoods = {
        pair
        for kind in CORRUPTIONS
        for of_retellings in (False, True)
        for pair in corrupted(kind, of_retellings=of_retellings)
    }

    assert len(falsehoods) >= 400


@pytest.mark.parametrize("of_retellings", [False, True], ids=["verbatim", "retold"])
@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_no_falsehood_passes_with_the_true_quote(kind: str, *, of_retellings: bool) -> None:
    pairs = corrupted(kind, of_retellings=of_retellings)

    passed = [pair for pair in pairs if verdict(pair[1], pair[0]) == "supported"]

    assert len(pairs) >= 5
    assert passed == []


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_no_falsehood_passes_with_a_quote_changed_to_fit(kind: str) -> None:
    pairs = corrupted(kind, of_retellings=False)

    passed = [pair for pair in pairs if verdict(pair[1], pair[0], quote=pair[1]) == "supported"]

    assert passed == []


def test_no_sentence_is_supported_by_another_one() -> None:
    context = context_of([" ".join(TRUE_SENTENCES)])

    passed = [
        (claim, quote)
        for claim in TRUE_SENTENCES
        for quote in TRUE_SENTENCES
        if claim != quote and judge(claim, quote, context=context).verdict == "supported"
    ]

    assert passed == []


def test_no_source_outside_the_context_is_believed() -> None:
    passed = [
        sentence
        for sentence in TRUE_SENTENCES
        for source in ("1", "zzzzzz", "", "K27Q", "k27q ")
        if judge(sentence, sentence, context=context_of([sentence]), source=source).verdict
        == "supported"
    ]

    assert passed == []


def test_no_quote_that_stands_in_another_source_is_believed() -> None:
    context = context_of(TRUE_SENTENCES)

    passed = [
        sentence
        for index, sentence in enumerate(TRUE_SENTENCES)
        if judge(sentence, sentence, context=context, source=context.sources[index - 1].id).verdict
        == "supported"
    ]

    assert passed == []


def test_every_sentence_supports_itself() -> None:
    fallen = [each for each in TRUE_SENTENCES if verdict(each, each) != "supported"]

    assert fallen == []


def test_every_sentence_supports_itself_when_the_checks_really_run() -> None:
    fallen = [each for each in TRUE_SENTENCES if verdict(f"{each[:-1]} !", each) != "supported"]

    assert fallen == []


def test_nine_of_ten_light_retellings_are_supported() -> None:
    supported = [
        retelling
        for sentence, retelling in PARAPHRASES
        if verdict(retelling, sentence) == "supported"
    ]

    assert len(PARAPHRASES) == 40
    assert len(supported) >= 0.9 * len(PARAPHRASES)
