"""The packaged cases of each outcome: their form, their run, and what is counted."""

from collections import Counter
from pathlib import Path

import pytest

from footnote.evals.outcomes.cases import ENDINGS, Ending, OutcomeCase, read_cases
from footnote.evals.outcomes.measure import Ended, load_cases, measure_outcomes, results_of
from kb.errors import Misconfigured
from kb.store.uploads import Uploads
from tests.service import Service

ONE_OF_EACH = (
    "conflicting/meal-allowance",
    "conflicting/superseded",
    "needs_clarification/leave-by-city",
    "escalate/topic-harassment",
    "escalate/collection-legal",
    "escalate/failures-after-a-success",
    "blocked/ignore-instructions",
    "stale/expired-policy",
    "unsupported/another-subject",
)


def ended(name: str, expected: Ending, ending: str) -> Ended:
    case = OutcomeCase(name=name, question="?", expected=expected, documents=())
    return Ended(case=case, ending=ending, milliseconds=1.0)


def test_names_are_unique_and_every_ending_is_expected_somewhere() -> None:
    cases = read_cases()

    assert max(Counter(case.name for case in cases).values()) == 1
    assert {case.expected for case in cases} == set(ENDINGS)


def test_every_file_has_cases_and_near_misses() -> None:
    cases = read_cases()

    for file in {case.name.partition("/")[0] for case in cases}:
        expected = [case.expected for case in cases if case.name.startswith(f"{file}/")]
        near_misses = [each for each in expected if each.partition("_")[0] not in file]
        assert len(expected) - len(near_misses) >= 8, file
        assert len(near_misses) >= 4, file


def test_documents_supersede_those_before_them() -> None:
    for case in read_cases():
        for place, document in enumerate(case.documents):
            assert document.supersedes is None or document.supersedes < place, case.name


@pytest.mark.parametrize("text", ["not toml", "[[case]]\nname = 'x'", "[[cases]]\nname = 'x'"])
def test_a_file_of_another_form_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text(text, encoding="utf-8")

    with pytest.raises(Misconfigured, match=r"odd\.toml"):
        read_cases(tmp_path)


async def test_one_case_of_each_ending_ends_as_expected(service: Service) -> None:
    cases = [case for case in read_cases() if case.name in ONE_OF_EACH]
    uploads = Uploads(
        database=service.resources.database,
        files=service.ingestion.files,
        max_bytes=service.resources.uploads.max_bytes,
    )
    loaded = await load_cases(service.ingestion, uploads, cases)
    again = await load_cases(service.ingestion, uploads, cases)

    results = await measure_outcomes(service.resources, loaded, alias=None, variant="extractive")

    assert again == loaded
    assert [each["variant"] for each in results] == [f"extractive {name}" for name in ENDINGS]
    assert {each["variant"]: each["details"]["wrong"] for each in results} == {
        f"extractive {name}": None for name in ENDINGS
    }
    assert all(each["figures"] == {"recall": 1, "precision": 1} for each in results)


def test_precision_and_recall_of_an_ending() -> None:
    answered, conflicting = results_of(
        [
            ended("a", "conflicting", "conflicting"),
            ended("b", "conflicting", "answered"),
            ended("c", "answered", "conflicting"),
            ended("d", "answered", "conflicting"),
            ended("e", "answered", "answered"),
        ],
        variant="v",
    )

    # One of two conflicts is found, two of three found are none.
    assert conflicting["figures"]["recall"] == 0.5
    assert conflicting["figures"]["precision"] == pytest.approx(1 / 3, abs=1e-6)
    assert conflicting["details"]["wrong"] == "b c d"
    assert conflicting["figures_by_split"] == {"ended answered": {"share": 0.5}}
    assert answered["figures"]["recall"] == pytest.approx(1 / 3, abs=1e-6)


def test_what_never_came_about_has_no_precision_to_be_proud_of() -> None:
    results = results_of([ended("a", "blocked", "answered")], variant="v")

    figures = {each["variant"]: each["figures"] for each in results}
    assert figures == {
        "v answered": {"precision": 0.0},
        "v blocked": {"recall": 0.0, "precision": 0.0},
    }
