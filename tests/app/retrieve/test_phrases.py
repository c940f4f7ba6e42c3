"""What a text says for its passage, worked out by hand, and the order that comes of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.retrieve.phrases import WeighedQuestion, score_texts, weigh_question
from kb.index.held_passages import with_terms
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
    text: str,
    score: float = 0.5,
    *,
    title: str | None = None,
    section: tuple[str, ...] = (),
    char_start: int = 1_000_000_000,
    language: str | None = None,
) -> Passage:
    return Passage(
        chunk_id=0,
        document_id=UUID(int=1),
        document_version=1,
        external_id=None,
        title=title,
        filename=None,
        source_uri=None,
        content_sha256="",
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        text=text,
        location={**NOWHERE, "section": list(section), "char_start": char_start},
        score=score,
        bm25=None,
        cosine=None,
        language=language,
    )


def score_text(question: WeighedQuestion, found: Passage) -> float:
    """Between two others, of which it takes nothing."""
    other = with_terms(passage("Minor planet centre of the tribunal.", title="Sick leave pay"))
    scores = score_texts(question, [other, with_terms(found), other])
    assert scores[0] == scores[2]
    return float(scores[1])


def said(question: str, found: Passage, idf_by_term: Mapping[str, float] | None = None) -> float:
    """Without what the length says."""
    looked_for = weigh_question(question, found.language, idf_by_term or {})
    return score_text(looked_for, found) - min(1.0, len(found.text) / 400)


@pytest.mark.parametrize(
    ("language", "question", "text", "term"),
    [
        ("de", "Welche Häuser?", "Die Häusern gehören allen.", "haus"),
        ("ru", "Какие книги?", "О книгах говорят все.", "книг"),
        ("es", "¿Qué canciones?", "Una canción para todos.", "cancion"),
        ("zh", "出張規定", "有関出張的説明", "出張"),
    ],
)
def test_a_passage_is_read_in_its_own_language(
    language: str, question: str, text: str, term: str
) -> None:
    found = passage(text, language=language)

    looked_for = weigh_question(question, language, {term: 2.0})
    nothing = weigh_question(question, language, {"other": 2.0})

    assert score_text(looked_for, found) - score_text(nothing, found) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("question", "found", "share"),
    [
        pytest.param("minor planet centre", passage("Minor  Planet\nCentre."), 1.0, id="all"),
        # 'minor planet' of 'minor planet', 'planet centre'.
        pytest.param("Minor planet centre?", passage("A minor planet."), 0.5, id="half"),
        pytest.param("minor planet", passage("planet, minor"), 0.0, id="another order"),
        pytest.param("minor planet", passage("minor planets"), 1.0, id="another form of a word"),
        pytest.param("minor planet", passage("minor planetarium"), 0.0, id="another word"),
        pytest.param("planet", passage("planet"), 0.0, id="no pair"),
        pytest.param("", passage("planet"), 0.0, id="no words"),
        pytest.param("no no no", passage("no no"), 1.0, id="a pair counts once"),
        pytest.param("parental leave", passage("", title="Parental leave"), 1.0, id="title"),
        pytest.param(
            "parental leave", passage("", section=("Time", "Parental leave")), 1.0, id="heading"
        ),
        pytest.param("sick leave pay", passage("Pay is full.", title="Sick leave"), 0.5, id="seam"),
        # Four bigrams of neighbouring signs, so three pairs.
        pytest.param("東京都庁舎", passage("東京都庁舎の電話"), 1.0, id="no spaces"),
    ],
)
def test_the_share_of_the_pairs_that_stand_together_counts(
    question: str, found: Passage, share: float
) -> None:
    assert said(question, found) == pytest.approx(share, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        pytest.param("Of the tribunal.", 0.9, id="the rare one: 3 * 3 of 1 * 1 + 3 * 3"),
        pytest.param("Costs.", 0.1, id="the frequent one"),
        pytest.param("The tribunal bears costs.", 1.0, id="both"),
        pytest.param("Neither.", 0.0, id="none"),
    ],
)
def test_terms_count_by_their_idf_squared(text: str, share: float) -> None:
    idf_by_term = {"cost": 1.0, "tribun": 3.0}

    # 'unheard' has no idf: nothing in the index holds it.
    assert said("costs unheard tribunal", passage(text), idf_by_term) == pytest.approx(
        share, abs=1e-5
    )


@pytest.mark.parametrize(("letters", "length"), [(0, 0.0), (100, 0.25), (400, 1.0), (4_000, 1.0)])
def test_a_text_counts_by_its_length_up_to_400_letters(letters: int, length: float) -> None:
    question = weigh_question("planet", None, {})

    assert score_text(question, passage("x" * letters)) == pytest.approx(length, abs=1e-5)


@pytest.mark.parametrize(("char_start", "start"), [(0, 0.5), (1_000, 0.25), (4_000, 0.1)])
def test_the_start_of_a_document_counts_half(char_start: int, start: float) -> None:
    question = weigh_question("planet", None, {})

    assert score_text(question, passage("", char_start=char_start)) == pytest.approx(start)
