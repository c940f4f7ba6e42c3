"""Counting what one request runs through."""

import threading
from collections.abc import Iterator

import pytest

from evals.bench.walk import QUESTION, Recorder, size_of
from language.text import is_unspaced


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    yield Recorder()
    threading.setprofile(None)


def test_functions_of_the_product_and_names_with_the_question_are_counted(
    recorder: Recorder,
) -> None:
    with recorder.recording():
        is_unspaced(QUESTION)

    counts = recorder.counts()

    assert (counts["files"], counts["functions"], counts["nested_async_generators"]) == (1, 1, 0)
    # Its one parameter.
    assert counts["names_and_fields_with_question"] == {
        "name": 1,
        "file_and_name": 1,
        "function_and_name": 1,
    }


def test_nothing_is_counted_outside_the_block(recorder: Recorder) -> None:
    with recorder.recording():
        pass
    is_unspaced(QUESTION)

    assert recorder.counts()["functions"] == 0


def test_every_function_counts_for_the_size() -> None:
    of_both, evals, language = (
        size_of(each) for each in (["evals", "language"], ["evals"], ["language"])
    )

    assert of_both["lines"] == evals["lines"] + language["lines"]
    assert of_both["functions"] == evals["functions"] + language["functions"] > 0
