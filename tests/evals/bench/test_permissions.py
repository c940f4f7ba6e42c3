"""The benchmark's own recall, and the generated tenants that it asks about."""

import numpy as np
import pytest

from evals.bench.permissions import recall_of
from evals.bench.synthetic import (
    DIMENSION,
    EVERY_READER,
    SHARES,
    SyntheticTenant,
    group,
    perturbed,
)

TENANT = SyntheticTenant(number=3, chunk_count=2_010, seed=1)


def test_recall_counts_visible_near_rows_only() -> None:
    # Row n points n degrees away from the question; rows 1, 3, 5 ... are visible.
    angles = np.deg2rad(np.arange(180.0))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float16)
    visible = np.arange(1, 180, 2)
    question = np.array([[1.0, 0.0]], dtype=np.float32)
    nearest = list(range(1, 101, 2))

    # 50 right; 25 right and 25 invisible; 25 right and 25 too far.
    wholes = [nearest, [*nearest[:25], *range(0, 50, 2)], [*nearest[:25], *range(129, 179, 2)]]
    recalls = [recall_of(vectors, visible, question, [found])[0] for found in wholes]

    assert recalls == pytest.approx([1.0, 0.5, 0.5])


def test_all_visible_rows_are_enough_when_there_are_few() -> None:
    vectors = np.eye(4, dtype=np.float16)

    assert recall_of(vectors, np.array([1, 3]), np.ones((1, 4), np.float32), [[3, 1]]) == [1.0]


def test_a_tenant_follows_from_its_number_and_seed() -> None:
    again = SyntheticTenant(number=3, chunk_count=2_010, seed=1)
    other = SyntheticTenant(number=4, chunk_count=2_010, seed=1)
    first, same, different = (next(each.blocks()) for each in (TENANT, again, other))

    np.testing.assert_array_equal(first.vectors, same.vectors)
    assert not np.array_equal(first.vectors, different.vectors)
    assert TENANT.texts(first, 5) == again.texts(same, 5)


def test_a_tenant_has_its_chunks_of_unit_length_close_to_those_of_their_document() -> None:
    blocks = list(TENANT.blocks())
    vectors = np.concatenate([block.vectors for block in blocks])
    document_of = np.concatenate([block.document_of for block in blocks])
    cosines = vectors @ vectors.T
    is_same = document_of[:, None] == document_of[None, :]

    assert vectors.shape == (2_010, DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert cosines[is_same].mean() > 0.7
    assert cosines[~is_same].mean() < 0.1


def test_groups_read_their_shares_of_the_documents() -> None:
    readers = TENANT.principals

    for share in SHARES:
        expected = max(int(share * len(readers)), 1)
        for by_topic in (True, False):
            count = sum(group(share, by_topic=by_topic) in names for names in readers)
            assert abs(count - expected) <= 1
    assert all(EVERY_READER in names for names in readers)


def test_a_question_is_near_its_text_and_not_the_text() -> None:
    vectors = next(TENANT.blocks()).vectors
    questions = perturbed(vectors, np.random.default_rng(1))

    # A right-angled triangle with sides 1 and .45: the cosine is 1 / sqrt(1 + .45 ** 2) = .91.
    assert np.sum(vectors * questions, axis=1).mean() == pytest.approx(0.912, abs=0.01)
