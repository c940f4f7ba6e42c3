"""What the vectors say counts less in a language that the embedding model does not read."""

import pytest

from app.retrieve.query import UNREAD_LEXICAL_WEIGHT, RetrievalLimits
from tests.service import Person, Service

USUAL = 0.3
GERMAN = (
    "Mitarbeiter haben im Jahr einunddreißig Tage Urlaub, der bis zum März genommen werden muss.",
    "Überstunden werden am Ende des Monats ausgezahlt oder durch freie Tage ausgeglichen.",
)
ENGLISH = (
    "Employees have thirty days of annual leave, which they must take before the end of March.",
    "Overtime is paid at the end of the month or made up for by days off.",
)


@pytest.fixture(scope="module")
async def reader(service: Service) -> Person:
    """Of a tenant whose documents are in two languages."""
    reader = await service.person(await service.new_tenant(), "user:ana")
    for text in (*GERMAN, *ENGLISH):
        await reader.upload(text)
    return reader


@pytest.mark.parametrize(
    ("question", "weight"),
    [
        ("Wie viele Tage Urlaub haben Mitarbeiter?", UNREAD_LEXICAL_WEIGHT),
        ("How much annual leave do employees have?", USUAL),
        # Nothing holds a word of it: nobody knows its language.
        ("zzz", USUAL),
    ],
)
async def test_the_question_is_in_the_language_of_what_shares_its_words(
    reader: Person, question: str, weight: float
) -> None:
    response = await reader.search(question, explain=True)

    assert response.json()["explanation"]["lexical_weight"] == weight


@pytest.mark.parametrize("share", [0.01, 0.9])
async def test_a_question_in_a_rare_language_is_searched_for_with_its_stems(
    service: Service, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr("app.retrieve.search_scope.RARE_SHARE", share)
    reader = await service.person(await service.new_tenant(), "user:ana")
    for text in (*GERMAN, *ENGLISH):
        await reader.upload(text)

    german = await reader.search("Wann werden Überstunden mit freien Tagen bezahlt?", explain=True)
    english = await reader.search("When is overtime made up for by days off?", explain=True)

    assert "tag" in german.json()["explanation"]["terms"]
    assert german.json()["data"][0]["text"] == GERMAN[1]
    # German stems 'made' so: only where German is not rare is that looked for too.
    assert ("mad" in english.json()["explanation"]["terms"]) == (share < 0.5)


@pytest.mark.parametrize(
    ("language", "read", "weight"),
    [
        ("en", frozenset({"en"}), USUAL),
        ("de", frozenset({"en"}), UNREAD_LEXICAL_WEIGHT),
        (None, frozenset({"en"}), USUAL),
        ("de", None, USUAL),
    ],
)
def test_only_what_the_model_is_known_not_to_read_changes_the_weight(
    language: str | None, read: frozenset[str] | None, weight: float
) -> None:
    limits = RetrievalLimits(candidates=100, lexical_weight=USUAL, languages_read=read)

    assert limits.lexical_weight_in(language) == weight


def test_an_operator_may_weigh_words_more_but_not_less() -> None:
    limits = RetrievalLimits(candidates=100, lexical_weight=0.9, languages_read=frozenset({"en"}))

    assert limits.lexical_weight_in("de") == 0.9
