"""The language of a document is found in its text, unless its uploader says it."""

import pytest

from ingest.parse import detect_language
from tests.service import Service

GERMAN = "Die Laternen am Hafen werden jeden Abend von den Wärtern des alten Turms angezündet."
TEXT_BY_LANGUAGE = {
    "de": GERMAN,
    "en": "The lanterns at the harbour are lit every evening by the keepers of the old tower.",
    "es": "Los guardianes de la vieja torre encienden cada noche los faroles del puerto.",
    "ru": "Фонари в гавани каждый вечер зажигают смотрители старой башни у моря.",
    "ar": "يضيء حراس البرج القديم الفوانيس في الميناء كل مساء قبل غروب الشمس.",
    "zh": "每天晚上，老塔的看守人都会点亮港口的灯笼。",
    "ja": "毎晩、古い塔の番人が港の灯籠に火をともします。",
    "th": "ทุกเย็นผู้ดูแลหอคอยเก่าจะจุดโคมไฟที่ท่าเรือ",
}


@pytest.mark.parametrize(("language", "text"), TEXT_BY_LANGUAGE.items())
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", " \n", "ACME-42/b", "Budget 2024", "x = 3", "12.5 | 8"])
def test_what_is_no_text_of_any_language_has_none(text: str) -> None:
    assert detect_language(text) is None


@pytest.mark.parametrize(("text", "language"), [("中文", "zh"), ("ภาษา", "th"), ("ひらがな", "ja")])
def test_a_script_of_one_language_decides_for_a_word(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_a_foreign_beginning_does_not_decide_for_a_long_document() -> None:
    english = TEXT_BY_LANGUAGE["en"] * 5

    assert detect_language(english + GERMAN * 100) == "de"


async def test_an_inflected_word_is_found_in_the_language_of_its_document(service: Service) -> None:
    person = await service.person(await service.new_tenant(), "user:ana")
    document_id = await person.upload(GERMAN)

    document = (await person.request("GET", f"/v1/documents/{document_id}")).json()
    hits = (await person.search("Laterne Wärter", mode="lexical")).json()["data"]

    assert document["language"] == "de"
    assert [hit["document"]["id"] for hit in hits] == [document_id]


async def test_what_the_uploader_says_goes_before_what_is_found(service: Service) -> None:
    person = await service.person(await service.new_tenant(), "user:ana")
    said = await person.upload(GERMAN, external_id="a", language="fr")
    document = (await person.request("GET", f"/v1/documents/{said}")).json()
    assert document["language"] == "fr"

    # The same bytes again: nothing is read anew, and what was found the first time counts.
    await person.upload(GERMAN, external_id="a")

    document = (await person.request("GET", f"/v1/documents/{said}")).json()
    assert (document["language"], document["version"]) == ("de", 1)
    hits = (await person.search("Laterne", mode="lexical")).json()["data"]
    assert [hit["document"]["id"] for hit in hits] == [said]


async def test_a_document_is_filtered_by_the_language_that_was_found(service: Service) -> None:
    person = await service.person(await service.new_tenant(), "user:ana")
    await person.upload(GERMAN)
    await person.upload(TEXT_BY_LANGUAGE["en"])

    hits = (
        await person.search(
            "lantern Laterne",
            mode="lexical",
            filter={"language": "de"},
        )
    ).json()

    assert [hit["text"] for hit in hits["data"]] == [GERMAN]
