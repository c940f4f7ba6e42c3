"""What verification promises, over many sentences: of whatever is claimed, the source is shown."""

import pytest

from tests.app.answering.verify.corruptions import CORRUPTIONS
from tests.app.answering.verify.drafts import judge
from tests.app.answering.verify.paraphrases import PARAPHRASES
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


def shown(claim: str, sentence: str, quote: str | None = None) -> str | None:
    """What an answer shows of the claim; None: nothing."""
    context = context_of([AROUND.format(sentence)])
    judged = judge(claim, quote or sentence, context=context)
    return judged.text if judged.verdict == "supported" else None


@pytest.mark.parametrize("of_retellings", [False, True], ids=["verbatim", "retold"])
@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_falsehood_with_the_true_quote_becomes_the_truth(
    kind: str, *, of_retellings: bool
) -> None:
    pairs = corrupted(kind, of_retellings=of_retellings)

    others = [pair for pair in pairs if shown(pair[1], pair[0]) != pair[0]]

    assert len(pairs) >= 5
    assert others == []


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_falsehood_with_a_quote_changed_to_fit_is_never_shown(kind: str) -> None:
    pairs = corrupted(kind, of_retellings=False)

    others = [pair for pair in pairs if shown(pair[1], pair[0], pair[1]) not in {pair[0], None}]

    assert others == []


def test_no_truth_is_lost() -> None:
    lost = [pair for pair in PARAPHRASES if shown(pair[1], pair[0]) != pair[0]]

    assert lost == []


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
