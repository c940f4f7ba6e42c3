"""Plain text, its encodings, and JSON."""

import pytest

from ingest.parse import parse
from kb.errors import DocumentCorrupt, DocumentEmpty, DocumentTooComplex
from kb.media_types import JSON, PLAIN_TEXT
from tests.ingest.files.lines import outlined, texts

SENTENCE = {
    "de": "Die Geschäftsführung genehmigt Überstunden nur schriftlich.",
    "fr": "Les employés ont droit à vingt-cinq jours de congé. Voir l’annexe.",
    "es": "El empleado tendrá derecho a veinticinco días de vacaciones según el año.",
    "ru": "Сотрудники имеют право на двадцать пять дней отпуска.",
    "el": "Οι εργαζόμενοι δικαιούνται είκοσι πέντε ημέρες άδειας.",
    "ar": "يحق للموظفين خمسة وعشرون يوما من الإجازة.",
    "ja": "従業員は二十五日の休暇を取得できます。申請は上司に提出してください。",
    "zh": "员工每年享有二十五天的年假，申请须提交主管批准。",
    "tw": "員工每年享有二十五天的年假，申請須提交主管批准。",
    "ko": "직원은 연간 이십오일의 휴가를 받을 수 있습니다.",
}


def test_plain_text_is_its_own_normal_form_in_paragraphs() -> None:
    content = b"First line\r\nsecond line\r\n\r\n\r\n- a\r\n- b\r\n"

    parsed = parse(content, PLAIN_TEXT)

    assert parsed.text == "First line\nsecond line\n\n- a\n- b"
    assert texts(parsed) == ["First line\nsecond line", "- a\n- b"]
    assert parsed.title is None


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("language", sorted(SENTENCE))
def test_unicode_is_read_without_a_guess(codec: str, language: str) -> None:
    parsed = parse(SENTENCE[language].encode(codec), PLAIN_TEXT)

    assert parsed.text == SENTENCE[language]
    assert parsed.warnings == ()


@pytest.mark.parametrize(
    ("language", "codec"),
    [
        ("de", "cp1252"),
        ("fr", "cp1252"),
        ("es", "iso-8859-1"),
        ("ru", "cp1251"),
        ("ru", "koi8-r"),
        ("el", "cp1253"),
        ("ar", "cp1256"),
        ("ja", "shift_jis"),
        ("zh", "gb18030"),
        ("tw", "big5"),
        ("ko", "euc-kr"),
    ],
)
def test_older_encodings_are_guessed_and_reported(language: str, codec: str) -> None:
    parsed = parse(SENTENCE[language].encode(codec), PLAIN_TEXT)

    assert parsed.text == SENTENCE[language]
    assert parsed.warnings == ("encoding_guessed",)


def test_a_broken_byte_does_not_change_the_encoding_of_the_rest() -> None:
    content = (SENTENCE["fr"] * 20).encode() + b"\xff"

    parsed = parse(content, PLAIN_TEXT)

    assert parsed.text.startswith(SENTENCE["fr"])
    assert parsed.warnings == ("undecodable_bytes_replaced",)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"--- *** ---", "\u200b".encode()])
def test_a_text_without_letters_or_digits_is_empty(content: bytes) -> None:
    with pytest.raises(DocumentEmpty):
        parse(content, PLAIN_TEXT)


def test_names_in_json_are_sections_and_labels() -> None:
    content = (
        b'{"title": "Rules", "n": 3, "none": null, "leave": {"days": 25, "kinds": ["a", "b"]},'
    )
    content += b'"people": [{"name": "Ana", "on": true}, {"name": "Ben"}]}'

    parsed = parse(content, JSON)

    assert parsed.title == "Rules"
    assert outlined(parsed) == [
        ("paragraph", "", "title: Rules\nn: 3"),
        ("heading", "", "leave"),
        ("paragraph", "leave", "days: 25"),
        ("heading", "leave", "kinds"),
        ("list_item", "leave / kinds", "a"),
        ("list_item", "leave / kinds", "b"),
        ("heading", "", "people"),
        ("paragraph", "people", "name: Ana\non: true"),
        ("paragraph", "people", "name: Ben"),
    ]


def test_half_a_json_document_is_corrupt() -> None:
    with pytest.raises(DocumentCorrupt):
        parse(b'{"a": ', JSON)


def test_json_nested_without_end_is_too_complex() -> None:
    with pytest.raises(DocumentTooComplex):
        parse(b"[" * 100_000 + b"1" + b"]" * 100_000, JSON)
