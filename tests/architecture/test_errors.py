"""Every error has a code of its own, a status, a meaning, and something to do about it."""

import re
from collections import Counter
from collections.abc import Iterator

from app.http.problems import CODE_BY_STATUS, STATUS_BY_ERROR
from app.remedies import MEANING_BY_SERVER_CODE, REMEDY_BY_SERVER_CODE, remedy
from kb import errors
from kb.errors import KnowledgeBaseError


def tree(error: type[KnowledgeBaseError]) -> Iterator[type[KnowledgeBaseError]]:
    yield error
    for child in error.__subclasses__():
        yield from tree(child)


WITHOUT_REQUESTS = ("footnote.", "evals.")
"""Packages whose commands may end for reasons of their own, which no request meets."""

BRANCH_WIDTH = 4
"""Characters of the drawing a level."""

ERRORS = [error for error in tree(KnowledgeBaseError) if error.__module__ == errors.__name__]


def nearest_with_status(error: type[KnowledgeBaseError]) -> type[KnowledgeBaseError]:
    return next(parent for parent in error.__mro__ if parent in STATUS_BY_ERROR)


def test_no_two_errors_share_a_code() -> None:
    uses = Counter(error.code for error in ERRORS)

    assert [code for code, count in uses.items() if count > 1] == []


def test_a_refinement_made_elsewhere_keeps_the_code_of_its_parent() -> None:
    elsewhere = [
        error
        for error in tree(KnowledgeBaseError)
        if error not in ERRORS and not error.__module__.startswith(WITHOUT_REQUESTS)
    ]

    assert [error for error in elsewhere if "code" in vars(error)] == []


def test_every_error_has_a_status_nearer_than_the_root() -> None:
    without = [error for error in ERRORS[1:] if nearest_with_status(error) is KnowledgeBaseError]

    assert without == []


def test_every_error_says_what_it_means_in_one_line() -> None:
    meanings = {error: (error.__doc__ or "").strip().splitlines() for error in ERRORS}

    assert [error for error, lines in meanings.items() if len(lines) != 1] == []


def test_the_tree_drawn_in_the_module_is_the_tree() -> None:
    drawn = re.findall(r"^([│├└─ ]+)([A-Z]\w+)", errors.__doc__ or "", flags=re.MULTILINE)
    depth_by_name = {name: len(branch) // BRANCH_WIDTH for branch, name in drawn}

    # From the root down; what has no branch is told in words below the tree.
    depth_of_error = {error.__name__: error.__mro__.index(KnowledgeBaseError) for error in ERRORS}
    in_words = depth_of_error.keys() - depth_by_name.keys()

    assert depth_by_name.items() <= depth_of_error.items()
    assert [name for name in in_words if name not in (errors.__doc__ or "")] == []


def test_every_error_has_a_remedy_nearer_than_the_root() -> None:
    of_the_root = remedy(KnowledgeBaseError)

    assert [error for error in ERRORS[1:] if remedy(error) == of_the_root] == []


def test_a_code_of_the_server_alone_has_a_meaning_and_a_remedy() -> None:
    of_the_server = set(CODE_BY_STATUS.values()) - {error.code for error in ERRORS}

    assert MEANING_BY_SERVER_CODE.keys() == of_the_server
    assert REMEDY_BY_SERVER_CODE.keys() == of_the_server
