import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.index.lexical import analysis
from kb.index.lexical.analysis import MAX_TERM_LENGTH, analyse, analyse_query
from language.snowball import snowball_algorithm

# Lone surrogates included: broken input must not stop an upload.
ANY_TEXT = st.text(st.characters(), max_size=200)
LANGUAGES = st.sampled_from([None, "en", "de", "fr", "tr", "ar", "hi", "ru", "zh", "xx"])


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("ACME-42/b", ["acme-42/b", "acm", "42", "b"]),
        ("§ 7.3", ["§7.3", "7.3", "7", "3"]),
        ("§7.3", ["§7.3", "7.3", "7", "3"]),
        ("node_modules", ["node_modules", "node", "modul"]),
        ("v2.1.0", ["v2.1.0", "v2", "1", "0"]),
        ("camelCase", ["camelcas", "camel", "case"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("RTX4090", ["rtx4090", "rtx", "4090"]),
        ("e-mail", ["e-mail", "email", "e", "mail"]),
        ("2010-2014", ["2010-2014", "2010", "2014"]),
        ("ana@acme.com", ["ana@acme.com", "ana", "acm", "com"]),
        ("C++ or C#", ["c++", "c", "or", "c#", "c"]),
        ("1,234.5", ["1234.5", "1234", "5"]),
        ("first, 200", ["first", "200"]),
        ("Ana's", ["ana"]),
        ("(running)", ["run"]),
    ],
)
def test_identifiers_are_kept_whole_and_split(text: str, terms: list[str]) -> None:
    assert analyse(text, "en") == terms


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("CAFÉ", "cafe", None),
        ("cafe\u0301", "caf\u00e9", None),
        ("Straße", "STRASSE", "de"),
        ("\ufb01ne", "fine", None),
        ("\uff21\uff22\uff23", "abc", None),
        ("co\u00adoperate", "cooperate", None),
        ("A\u2010B", "A-B", None),
        ("Ana\u2019s", "Ana's", None),
        ("łódź", "lodz", "pl"),
        ("\u0130zmir", "izmir", "tr"),
        ("running", "runs", "en"),
        ("running", "runs", "en-GB"),
        ("Häuser", "Haus", "de"),
        ("mangé", "manger", "fr"),
        ("canciones", "canción", "es"),
        ("huizen", "huizen", "nl"),
        ("cidades", "cidade", "pt-BR"),
        ("città", "citta", "it"),
        ("e-mails", "e-mail", None),
    ],
)
def test_ways_to_write_one_word_share_a_term(one: str, other: str, language: str | None) -> None:
    assert not set(analyse(one, language)).isdisjoint(analyse(other, language))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("東京都の", ["東京", "京都", "都の"]),
        ("水", ["水"]),
        ("カタカナ", ["カタ", "タカ", "カナ"]),
        ("\uff76\uff85", ["カナ"]),
        ("안녕하세요 세계", ["안녕", "녕하", "하세", "세요", "세계"]),
        ("GPT-4は東京", ["gpt-4", "gpt4", "gpt", "4", "は東", "東京"]),
        ("ภาษา", ["ภา", "าษ", "ษา"]),
    ],
)
def test_text_without_spaces_becomes_bigrams(text: str, terms: list[str]) -> None:
    assert analyse(text, "ja") == terms


def test_hindi_words_are_not_cut_at_their_vowel_signs() -> None:
    assert len(analyse("हिन्दी भाषा", "hi")) == 2


@pytest.mark.parametrize("language", [None, "", "xx", "zh"])
def test_unknown_languages_are_read_as_english(language: str | None) -> None:
    assert analyse("running dogs", language) == ["run", "dog"]


@pytest.mark.parametrize("code", ["pt", "PT", "pt-BR", "pt_BR"])
def test_language_codes_may_have_a_region(code: str) -> None:
    assert snowball_algorithm(code) == "portuguese"


def test_stems_are_those_of_the_release_that_the_format_number_stands_for() -> None:
    # When this fails, raise FORMAT in kb/index/lexical/folder.py together with the new stems.
    words = {"en": "relational", "de": "aufeinander", "fr": "continuellement", "es": "cheques"}

    stems = {code: analyse(word, code) for code, word in words.items()}

    assert stems == {"en": ["relat"], "de": ["aufeinand"], "fr": ["continuel"], "es": ["chequ"]}


def test_query_has_the_terms_of_every_language() -> None:
    terms = analyse_query("Häuser running", ["de"])

    # English leaves Häuser alone but for its accent; German leaves running alone.
    assert sorted(terms) == ["haus", "hauser", "run", "running"]


def test_query_always_reads_english_too() -> None:
    assert "run" in analyse_query("running", ["fr"])


def test_query_repeats_what_the_question_repeats_and_no_more() -> None:
    assert sorted(analyse_query("run run 42", ["de", "fr"])) == ["42", "run", "run"]


def test_query_also_tries_words_without_their_accents() -> None:
    # Spanish stems canción to cancion and folds it; typed without the accent it is the same term.
    assert set(analyse("cancion", "es")) <= set(analyse_query("canción", ["es"]))


@pytest.mark.parametrize("text", ["", " \n\t", "... --- !!!", "\u0301\u0640", "§", "🙂"])
def test_text_without_words_has_no_terms(text: str) -> None:
    assert analyse(text, None) == []
    assert analyse_query(text) == []


def test_oversized_words_are_cut_and_not_kept_whole() -> None:
    word, chain = "x1" * 500, ".".join(["ab"] * 500)

    assert analyse(word, None) == [word[:MAX_TERM_LENGTH]]
    assert analyse(chain, None) == ["ab"] * 500


def test_full_memory_of_tokens_is_emptied_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(analysis, "MAX_CACHED_TOKENS", 2)
    text = "red blue green red black blue red"

    assert analyse(text, "eo") == ["red", "blu", "gre", "red", "black", "blu", "red"]


@given(ANY_TEXT, LANGUAGES)
def test_terms_of_any_text_are_full_and_fit_the_index(text: str, language: str | None) -> None:
    for terms in (analyse(text, language), analyse_query(text, [language or "de"])):
        for term in terms:
            assert term
            assert len(term.encode()) < 65_000  # Tantivy drops longer ones.
            assert term.split() == [term]


@given(ANY_TEXT, LANGUAGES)
def test_equivalent_unicode_has_equal_terms(text: str, language: str | None) -> None:
    decomposed = unicodedata.normalize("NFD", text)

    assert analyse(decomposed, language) == analyse(unicodedata.normalize("NFC", text), language)


@given(ANY_TEXT, LANGUAGES)
def test_query_finds_every_term_of_the_document_it_quotes(text: str, language: str | None) -> None:
    assert set(analyse(text, language)) <= set(analyse_query(text, [language or "en"]))


@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_plain_text_reads_the_same_beside_other_scripts(text: str) -> None:
    assert analyse(f"{text} 水", None) == [*analyse(text, None), "水"]
