"""Passages that say the question's words in the question's order go before the others."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.retrieve.phrases import PHRASE_PASSAGES, with_phrases
from kb.passages import Location, Passage

NOWHERE: Location = {
    "section": [],
    "page": None,
    "slide": None,
    "sheet": None,
    "row": None,
    "char_start": 0,
    "char_end": 0,
}


def passage(
    text: str, score: float, *, title: str | None = None, section: tuple[str, ...] = ()
) -> Passage:
    return Passage(
        chunk_id=0,
        document_id=UUID(int=1),
        document_version=1,
        external_id=None,
        title=title,
        source_uri=None,
        content_sha256="",
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        text=text,
        location={**NOWHERE, "section": list(section)},
        score=score,
        bm25=None,
        cosine=None,
    )


@pytest.mark.parametrize(
    ("question", "found", "share"),
    [
        pytest.param("minor planet centre", passage("Minor  Planet\nCentre.", 0.5), 1.0, id="all"),
        # 'minor planet' of 'minor planet', 'planet centre'.
        pytest.param("Minor planet centre?", passage("A minor planet.", 0.5), 0.5, id="half"),
        pytest.param("minor planet", passage("planet, minor", 0.5), 0.0, id="another order"),
        pytest.param("minor planet", passage("minor planets", 0.5), 0.0, id="another word"),
        pytest.param("planet", passage("planet", 0.5), 0.0, id="no pair"),
        pytest.param("", passage("planet", 0.5), 0.0, id="no words"),
        pytest.param("no no no", passage("no no", 0.5), 1.0, id="a pair counts once"),
        pytest.param("parental leave", passage("", 0.5, title="Parental leave"), 1.0, id="title"),
        pytest.param(
            "parental leave",
            passage("", 0.5, section=("Time", "Parental leave")),
            1.0,
            id="heading",
        ),
        pytest.param(
            "sick leave pay", passage("Pay is full.", 0.5, title="Sick leave"), 0.5, id="seam"
        ),
    ],
)
def test_the_share_of_the_pairs_counts_a_quarter(
    question: str, found: Passage, share: float
) -> None:
    (scored,) = with_phrases(question, [found])

    # A quarter is added for the share, and the sum scaled back to at most 1.
    assert scored.score == pytest.approx((0.5 + 0.25 * share) / 1.25)


def test_a_phrase_goes_before_a_slightly_better_passage() -> None:
    first, second = passage("planet centre, minor", 0.9), passage("the minor planet centre", 0.8)

    scored = with_phrases("minor planet centre", [first, second])

    assert [each.text for each in scored] == [second.text, first.text]


def test_passages_that_are_not_looked_at_stay_behind_and_in_order() -> None:
    looked_at = [passage("planet", 0.9)] * PHRASE_PASSAGES
    rest = [passage("minor planet", 0.9), passage("minor planet centre", 0.8)]

    scored = with_phrases("minor planet centre", [*looked_at, *rest])

    assert [each.text for each in scored[-2:]] == ["minor planet", "minor planet centre"]
    assert scored == sorted(scored, key=lambda each: -each.score)
