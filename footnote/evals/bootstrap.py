"""Intervals of shares when the questions come in groups that resemble each other."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

RESAMPLES = 2_000
"""The ends of a 95 % interval then rest on 50 resamples each."""


class ShareWithInterval(TypedDict):
    """A share of true flags with its 95 % interval."""

    share: float
    low: float
    high: float
    n: int
    groups: int


def grouped_share(
    flags: Sequence[bool], groups: Sequence[str], *, seed: int, resamples: int = RESAMPLES
) -> ShareWithInterval:
    """The share of true flags; the interval comes from resampling whole groups.

    Questions about one article succeed and fail together, so they are drawn together. Source:
    Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8 (percentile
    interval). ValueError for no flags at all, or not one group for each.
    """
    if len(flags) != len(groups):
        raise ValueError("Each flag needs its group.")
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    if not len(names):
        raise ValueError("No share of nothing.")
    counts = np.bincount(group_of)
    hits = np.bincount(group_of, weights=np.asarray(flags, dtype=np.float64))
    # (resamples, groups): how often each group is drawn.
    drawn = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=resamples
    )
    shares = (drawn @ hits) / (drawn @ counts)
    low, high = np.percentile(shares, [2.5, 97.5])
    return {
        "share": float(hits.sum() / counts.sum()),
        "low": float(low),
        "high": float(high),
        "n": int(counts.sum()),
        "groups": len(names),
    }
