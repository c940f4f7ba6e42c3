"""Claims of known truth: their files, the cells that are told, and what is counted."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from footnote.evals.proof.cases import (
    KINDS,
    LANGUAGES,
    Choice,
    ProofCase,
    ProofDocument,
    Sample,
    read_documents,
    read_proof_cases,
)
from footnote.evals.proof.cells import TableRow, cell_cases, key_column, tables_of
from footnote.evals.proof.judging import (
    Ended,
    Ending,
    ShownClaim,
    ending_of,
    figures_of,
    results_of,
    tally,
)
from footnote.evals.proof.scripted import Put, ScriptedModels, source_with
from footnote.samples.manifest import document_path, read_manifest
from ingest.parse import parse
from kb.errors import InvalidInput, Misconfigured
from kb.media_types import MARKDOWN, sniff
from kb.settings import Settings
from language.lines import ITEM

SAMPLES = {
    entry.file: Sample(title=entry.title, content=document_path(entry).read_bytes())
    for entry in read_manifest()
}
PUT = Put(is_asked=True, is_retrieved=True)

PRICES = """# Prices

| Part | Price EUR | Stock |
| --- | --- | --- |
| Bolt | 3 | 7 |
| Nut | 2 | 9 |
"""


def case(
    *, is_true: bool = False, claim: str = "Visits are free.", quote: str = "Visits cost EUR 3."
) -> ProofCase:
    return ProofCase(
        id="lies/museum/price-1",
        origin="truths" if is_true else "lies",
        is_true=is_true,
        kind="number",
        language="en",
        document="museum.md",
        is_table=False,
        question="What does a visit cost?",
        quote=quote,
        claim=claim,
    )


def shown(text: str, quote: str = "Visits cost EUR 3.", wording: str | None = None) -> ShownClaim:
    return ShownClaim(text=text, wording=wording, quotes=(quote,))


def ended(ending: Ending, *, is_true: bool) -> Ended:
    return Ended(case=case(is_true=is_true), ending=ending, shown="", milliseconds=1.0)


# --- The written cases ---------------------------------------------------------------------------


def test_there_are_enough_cases_of_every_kind_and_language_and_a_third_is_over_tables() -> None:
    cases = read_proof_cases()

    origins = Counter(each.origin for each in cases)
    assert origins["lies"] >= 400
    assert origins["truths"] >= 300
    assert max(Counter(each.id for each in cases).values()) == 1
    assert {each.kind for each in cases} == set(KINDS)
    assert {each.language for each in cases} == set(LANGUAGES)
    assert sum(each.is_table for each in cases) >= 0.3 * len(cases)


def test_every_quote_stands_in_its_document_and_no_lie_does() -> None:
    cases = read_proof_cases()
    documents = read_documents(cases, Settings().evaldata, SAMPLES)
    texts = {each.file: _in_one_line(each) for each in documents}

    present = [each for each in cases if each.document in texts]
    assert len(present) > 0.9 * len(cases)
    assert [each.id for each in present if each.quote not in texts[each.document]] == []
    lies = [each for each in present if not each.is_true]
    assert [each.id for each in lies if each.claim in texts[each.document]] == []


def _in_one_line(document: ProofDocument) -> str:
    """The text twice, with and without the markers of its lists."""
    media_type = sniff(document.content, filename=document.file, declared=None)
    text = parse(document.content, media_type).text
    return "\n".join(" ".join(each.split()) for each in (text, ITEM.sub("", text)))


def test_no_claim_is_both_a_lie_and_a_truth_of_a_document() -> None:
    verdicts = {(each.document, each.claim): each.is_true for each in read_proof_cases()}

    assert len(verdicts) == len(read_proof_cases())


def test_a_file_of_another_form_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "lies").mkdir()
    (tmp_path / "lies" / "wrong.toml").write_text('[[quoted]]\nid = "only"\n', encoding="utf-8")

    with pytest.raises(Misconfigured, match=r"wrong\.toml"):
        read_proof_cases(tmp_path)


def test_found_documents_are_left_out_without_their_folder(tmp_path: Path) -> None:
    documents = read_documents(read_proof_cases(), tmp_path, SAMPLES)

    assert "sec_10q_apple.pdf" not in {each.file for each in documents}
    assert "chaudiere-c30.md" in {each.file for each in documents}


def test_a_choice_takes_what_it_names() -> None:
    one = case()

    assert Choice().takes(one)
    assert Choice(kinds=["number"], languages=["en"], origins=["lies"]).takes(one)
    assert not Choice(kinds=["role"]).takes(one)
    assert not Choice(languages=["de"]).takes(one)
    assert not Choice(is_held_back=not one.is_held_back).takes(one)
    with pytest.raises(InvalidInput, match="colour"):
        Choice(kinds=["colour"])


# --- Cells ---------------------------------------------------------------------------------------


def test_the_rows_of_a_table_are_read_by_column() -> None:
    parsed = parse(PRICES.encode(), MARKDOWN)

    assert [[row.cells for row in rows] for rows in tables_of(parsed)] == [
        [
            {"Part": "Bolt", "Price EUR": "3", "Stock": "7"},
            {"Part": "Nut", "Price EUR": "2", "Stock": "9"},
        ]
    ]


def test_cells_are_told_rightly_and_with_values_of_another_column_and_row() -> None:
    parsed = parse(PRICES.encode(), MARKDOWN)
    bolt = {
        ("price", "rewording"): "EUR 3",
        ("price", "column"): "EUR 7",
        ("price", "row"): "EUR 2",
    }

    cases = cell_cases("prices.md", "en", parsed)

    assert cases == cell_cases("prices.md", "en", parsed)
    # Two rows, two columns beside the key, three ways.
    assert len(cases) == 12
    told = [each for each in cases if "Bolt" in each.claim and "price" in each.claim.casefold()]
    assert len(told) == 3
    assert all(bolt["price", each.kind] in each.claim for each in told)
    assert [each.is_true for each in told] == [each.kind == "rewording" for each in told]
    assert {each.quote for each in told} == {"Part: Bolt | Price EUR: 3 | Stock: 7"}


def test_a_part_of_the_right_value_is_no_wrong_one() -> None:
    table = "| Part | Fits |\n| --- | --- |\n| Bolt | A1, B2 |\n| Nut | B2 |\n"

    cases = cell_cases("fits.md", "en", parse(table.encode(), MARKDOWN))

    wrong = {(each.quote.split(" | ")[0], each.claim) for each in cases if not each.is_true}
    assert {row for row, _ in wrong} == {"Part: Nut"}
    assert all("A1, B2" in claim for _, claim in wrong)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ([{"A": "1", "B": "x"}, {"A": "2", "B": "y"}], "B"),
        ([{"A": "x", "B": "y"}, {"A": "x", "B": "z"}], "B"),
        ([{"A": "x", "B": "1"}, {"A": "x", "B": "2"}], None),
    ],
)
def test_a_key_is_made_of_words_and_is_unique(
    values: list[dict[str, str]], key: str | None
) -> None:
    assert key_column([TableRow(text="", cells=cells) for cells in values]) == key


# --- The scripted models -------------------------------------------------------------------------


def test_the_source_that_holds_the_quote_is_found_across_line_ends() -> None:
    shown = (
        "<<f source a1b>>\nTitle: One\n\nNothing here.\n<<f end>>\n"
        "<<f source c3d>>\nTitle: Two\n\nVisits cost\nEUR 3.\n<<f end>>"
    )

    assert source_with("Visits cost EUR 3.", shown) == "c3d"
    assert source_with("Visits cost EUR 4.", shown) is None


def test_the_writer_says_nothing_without_the_quote_and_the_server_knows_why() -> None:
    with ScriptedModels() as models:
        models.put(case())
        assert models.happened == Put(is_asked=False, is_retrieved=False)

        written = models.write("<<f source a1b>>\nTitle: One\n\nNothing here.\n<<f end>>")

    assert '"unsupported"' in written
    assert models.happened == Put(is_asked=True, is_retrieved=False)


def test_the_reader_supports_exactly_truths_with_a_quote_of_what_is_cited() -> None:
    shown = (
        "<<f claim 1>>\nIt costs 3.\n<<f around>>\nMuseum\n"
        "<<f cited>>\nVisits cost EUR 3.\n<<f end>>"
    )
    with ScriptedModels() as models:
        models.put(case(is_true=True))
        truth = models.read(shown)
        models.put(case())
        lie = models.read(shown)

    assert truth == (
        '{"verdicts": [{"claim": 1, "verdict": "supported", "quote": "Visits cost EUR 3."}]}'
    )
    assert '"unsupported"' in lie


# --- What is counted -----------------------------------------------------------------------------


def test_a_case_that_no_model_saw_is_counted_apart() -> None:
    claims = [shown("Visits are free.")]

    assert ending_of(case(), Put(), claims) == "not_asked"
    assert ending_of(case(), Put(is_asked=True), claims) == "not_retrieved"


@pytest.mark.parametrize(
    ("claims", "ending"),
    [
        ([shown("visits are  free")], "told"),
        ([shown("Visits are free of charge.", wording="model")], "told"),
        # Whoever is said to have written it: it is the lie.
        ([shown("Visits are free.", wording="source")], "told"),
        ([shown("Visits cost EUR 3.")], "quoted"),
        ([shown("Visits cost EUR 3.", wording="source")], "quoted"),
        ([], "lost"),
    ],
)
def test_a_lie_is_shown_when_its_words_are(claims: list[ShownClaim], ending: Ending) -> None:
    assert ending_of(case(), PUT, claims) == ending


@pytest.mark.parametrize(
    ("claims", "ending"),
    [
        ([shown("A visit is EUR 3.")], "told"),
        ([shown("A visit is EUR 3.", wording="model")], "told"),
        # The source has the same words.
        ([shown("A visit is EUR 3.", wording="source")], "quoted"),
        # Widened to what stands around it, or a row in a form of its own.
        ([shown("Prices: visits cost EUR 3. Children pay less.", wording="source")], "quoted"),
        ([shown("Visit: EUR 3", wording="source")], "quoted"),
        ([shown("Children pay less.", "Children pay less.", wording="source")], "lost"),
        ([], "lost"),
    ],
)
def test_a_truth_is_told_quoted_or_lost(claims: list[ShownClaim], ending: Ending) -> None:
    truth = case(is_true=True, claim="A visit is EUR 3.")

    assert ending_of(truth, PUT, claims) == ending


def test_items_are_quoted_with_their_markers_or_without() -> None:
    truth = replace(case(is_true=True), quote="Close the valve. Drain the tank.")
    steps = "Servicing:\n1. Close the valve.\n2. Drain the tank."

    assert ending_of(truth, PUT, [shown(steps, wording="source")]) == "quoted"


def test_shares_are_of_what_reached_verification() -> None:
    cases = [
        ended("told", is_true=False),
        ended("quoted", is_true=False),
        ended("lost", is_true=False),
        ended("not_asked", is_true=False),
        ended("told", is_true=True),
        ended("quoted", is_true=True),
        ended("lost", is_true=True),
        ended("lost", is_true=True),
    ]

    counts = tally(cases)

    assert (counts.cases, counts.not_asked, counts.lies, counts.truths) == (8, 1, 3, 4)
    assert (counts.lies_shown, counts.truths_told) == (1, 1)
    assert (counts.truths_quoted, counts.truths_lost) == (1, 2)
    # 7 of 8 put; 2 of 3 lies kept out; 2 of 4 truths kept, 1 of 4 told.
    assert figures_of(cases) == {
        "put": 0.875,
        "lies_kept_out": 0.666667,
        "truths_kept": 0.5,
        "truths_told": 0.25,
    }


def test_results_name_what_was_shown_and_lost() -> None:
    lies, truths = results_of(
        [ended("told", is_true=False), ended("lost", is_true=True)],
        variant="reader none",
        is_whole=True,
    )

    assert (lies["dataset"], truths["dataset"]) == ("lies", "truths")
    assert lies["details"]["shown"] == "lies/museum/price-1"
    assert truths["details"]["lost"] == "lies/museum/price-1"
    assert lies["figures_by_split"]["number"] == {"put": 1.0, "lies_kept_out": 0.0}
