"""The packaged everyday questions: their form, and that both halves are alike."""

from collections import Counter
from pathlib import Path

import pytest

from evals.everyday.cases import read_cases, read_documents
from evals.everyday.grading import WITH_TEXT
from kb.errors import Misconfigured


def test_ids_are_unique() -> None:
    assert max(Counter(case.id for case in read_cases()).values()) == 1
    assert max(Counter(document.id for document in read_documents()).values()) == 1


def test_both_halves_have_as_many_of_each_kind() -> None:
    cases = read_cases()

    dev = Counter(case.kind for case in cases if case.split == "dev")
    held = Counter(case.kind for case in cases if case.split == "held")

    assert sum(dev.values()) + sum(held.values()) >= 160
    assert len(dev) >= 20
    assert dev == held


def test_both_halves_ask_in_three_languages() -> None:
    for split in ("dev", "held"):
        languages = Counter(case.language for case in read_cases() if case.split == split)
        assert min(languages[name] for name in ("en", "de", "fr")) >= 8


def test_an_answer_that_is_due_must_say_something() -> None:
    for case in read_cases():
        assert case.must or WITH_TEXT.isdisjoint(case.expected), case.id


def test_nothing_is_demanded_and_forbidden_at_once() -> None:
    for case in read_cases():
        wanted = {each for entry in case.must for each in _alternatives(entry)}
        assert wanted.isdisjoint([*case.must_not, *case.noise]), case.id


def test_documents_supersede_those_before_them() -> None:
    seen: set[str] = set()
    for document in read_documents():
        assert document.supersedes is None or document.supersedes in seen
        seen.add(document.id)


@pytest.mark.parametrize("text", ["not toml", "[[case]]\nid = 'x'", "[[cases]]\nid = 'x'"])
def test_a_file_of_another_form_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "dev.toml").write_text(text, encoding="utf-8")

    with pytest.raises(Misconfigured, match=r"dev\.toml"):
        read_cases(tmp_path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"documents\.toml"):
        read_documents(tmp_path)


def _alternatives(entry: str | tuple[str, ...]) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else entry
