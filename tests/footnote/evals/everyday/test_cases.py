"""The packaged everyday questions: their form, and that nothing is missing in them."""

from collections import Counter
from pathlib import Path

import pytest

from footnote.evals.everyday.cases import SETS, QuestionSet, read_set
from footnote.evals.everyday.grading import WITH_TEXT
from kb.errors import Misconfigured


@pytest.fixture(params=SETS)
def questions(request: pytest.FixtureRequest) -> QuestionSet:
    return read_set(request.param)


def test_ids_are_unique(questions: QuestionSet) -> None:
    assert max(Counter(case.id for case in questions.cases).values()) == 1
    assert max(Counter(document.id for document in questions.documents).values()) == 1


def test_many_kinds_are_asked_in_three_languages(questions: QuestionSet) -> None:
    assert len({case.kind for case in questions.cases}) >= 18
    languages = Counter(case.language for case in questions.cases)
    assert min(languages[name] for name in ("en", "de", "fr")) >= 5


def test_an_answer_that_is_due_must_say_something(questions: QuestionSet) -> None:
    for case in questions.cases:
        assert case.must or WITH_TEXT.isdisjoint(case.expected), case.id


def test_nothing_is_demanded_and_forbidden_at_once(questions: QuestionSet) -> None:
    for case in questions.cases:
        wanted = {each for entry in case.must for each in _alternatives(entry)}
        assert wanted.isdisjoint([*case.must_not, *case.noise]), case.id


def test_documents_supersede_those_before_them(questions: QuestionSet) -> None:
    seen: set[str] = set()
    for document in questions.documents:
        assert document.supersedes is None or document.supersedes in seen
        seen.add(document.id)


def test_a_folder_is_a_set(tmp_path: Path) -> None:
    (tmp_path / "documents.toml").write_text(
        "[[document]]\nid = 'a'\nfile = 'a.md'\ntitle = 'A'\ntext = 'A text.'"
    )
    (tmp_path / "cases.toml").write_text(
        "[[case]]\nid = 'b'\nkind = 'fact'\nlanguage = 'en'\nquestion = 'What?'\n"
        "expected = ['unsupported']"
    )

    questions = read_set(str(tmp_path))

    assert questions.name == tmp_path.name
    assert [document.id for document in questions.documents] == ["a"]
    assert [case.id for case in questions.cases] == ["b"]


@pytest.mark.parametrize("text", ["not toml", "[[case]]\nid = 'x'", "[[cases]]\nid = 'x'"])
def test_a_file_of_another_form_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "documents.toml").write_text("")
    (tmp_path / "cases.toml").write_text(text)

    with pytest.raises(Misconfigured, match=r"cases\.toml"):
        read_set(str(tmp_path))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"documents\.toml"):
        read_set(str(tmp_path))


def _alternatives(entry: str | tuple[str, ...]) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else entry
