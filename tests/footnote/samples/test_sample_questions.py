"""The questions of the demo can be answered, or not, from what their askers may read."""

import kreuzberg
import pytest

from footnote.samples.manifest import (
    EVERYBODY,
    Asker,
    ManifestEntry,
    SampleQuestion,
    document_path,
    read_manifest,
    read_questions,
)

QUESTIONS = read_questions()
WITH_EVIDENCE = [question for question in QUESTIONS if question.expect_in_quotes]
WITHOUT_EVIDENCE = [question for question in QUESTIONS if not question.expect_in_quotes]
REFUSED_TO_SOME = [
    (refused, answered)
    for refused in QUESTIONS
    for answered in QUESTIONS
    if refused.question == answered.question
    and refused.expect_status == "unsupported"
    and answered.expect_status == "answered"
]


@pytest.fixture(scope="module")
def text_by_file() -> dict[str, str]:
    """The text of each committed document with runs of white space as one space."""
    config = kreuzberg.ExtractionConfig(use_cache=False, output_format="plain")
    content_by_file = {
        entry.file: kreuzberg.extract_file_sync(document_path(entry), config=config).content
        for entry in read_manifest()
    }
    return {file: " ".join(content.split()) for file, content in content_by_file.items()}


def may_read(asker: Asker, entry: ManifestEntry) -> bool:
    return not set(entry.principals).isdisjoint((*asker.principals, EVERYBODY))


def readable_files(asker: Asker) -> list[str]:
    return [entry.file for entry in read_manifest() if may_read(asker, entry)]


def files_with_evidence(question: SampleQuestion, text_by_file: dict[str, str]) -> list[str]:
    """The files in force that the asker may read and that hold some of the expected words."""
    superseded = {entry.supersedes for entry in read_manifest() if entry.supersedes}
    in_force = {entry.file for entry in read_manifest() if entry.external_id not in superseded}
    return [
        file
        for file in readable_files(question.asker)
        if file in in_force
        and any(each in text_by_file[file] for each in question.expect_in_quotes)
    ]


@pytest.mark.parametrize("question", WITH_EVIDENCE, ids=lambda question: question.question)
def test_asker_may_read_a_document_in_force_with_the_expected_words(
    question: SampleQuestion, text_by_file: dict[str, str]
) -> None:
    texts = [text_by_file[file] for file in files_with_evidence(question, text_by_file)]

    assert all(any(each in text for text in texts) for each in question.expect_in_quotes)


def test_only_answers_expect_words() -> None:
    assert {question.expect_status for question in WITH_EVIDENCE} == {"answered", "conflicting"}
    assert {question.expect_status for question in WITHOUT_EVIDENCE} == {"unsupported"}


def test_hr_and_finance_each_keep_a_question_from_others() -> None:
    groups = {answered.asker.principals[-1] for _, answered in REFUSED_TO_SOME}

    assert groups == {"group:hr", "group:finance"}


@pytest.mark.parametrize(
    ("refused", "answered"), REFUSED_TO_SOME, ids=lambda question: question.asker.name
)
def test_words_kept_from_an_asker_stand_in_nothing_that_the_asker_may_read(
    refused: SampleQuestion, answered: SampleQuestion, text_by_file: dict[str, str]
) -> None:
    kept = (*answered.expect_in_quotes, str(refused.must_not_contain))
    readable = [text_by_file[file] for file in readable_files(refused.asker)]

    assert [word for word in kept for text in readable if word in text] == []


def test_every_forbidden_word_stands_somewhere_so_that_its_absence_means_something(
    text_by_file: dict[str, str],
) -> None:
    forbidden = [question.must_not_contain for question in QUESTIONS if question.must_not_contain]
    texts = text_by_file.values()

    assert [word for word in forbidden if not any(word in text for text in texts)] == []


def test_two_documents_contradict_each_other(text_by_file: dict[str, str]) -> None:
    warranty = "The warranty period of the TQ-42/b river gauge is {} months from delivery."

    sides = {
        file: months
        for file, text in text_by_file.items()
        for months in (24, 36)
        if warranty.format(months) in text
    }

    assert sides == {"datasheet-tq-42b.html": 36, "terms-of-sale.txt": 24}


def test_questions_reach_all_eight_formats(text_by_file: dict[str, str]) -> None:
    files = [file for asked in WITH_EVIDENCE for file in files_with_evidence(asked, text_by_file)]

    suffixes = {file.rsplit(".", maxsplit=1)[-1] for file in files}
    assert suffixes == {"csv", "docx", "html", "md", "pdf", "pptx", "txt", "xlsx"}
