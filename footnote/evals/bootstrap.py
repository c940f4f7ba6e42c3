"""Intervals of shares when the questions come in groups that resemble each other."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

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
    interval). A single group leaves the share alone.

    Raises:
        ValueError: there are no flags, or not one group for each.
    """
    if len(flags) != len(groups):
        raise ValueError("Each flag needs its group.")
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    if not len(names):
        raise ValueError("No share of nothing.")
    counts = np.bincount(group_of).astype(np.float64)
    hits = np.bincount(group_of, weights=np.asarray(flags, dtype=np.float64))
    share = low = high = float(hits.sum() / counts.sum())
    if len(names) > 1:
        low, high = bootstrap(
            (hits, counts),
            _ratio,
            paired=True,
            method="percentile",
            n_resamples=resamples,
            rng=seed,
        ).confidence_interval
    return {
        "share": share,
        "low": float(low),
        "high": float(high),
        "n": int(counts.sum()),
        "groups": len(names),
    }


def _ratio(
    hits: NDArray[np.float64], counts: NDArray[np.float64], axis: int
) -> NDArray[np.float64]:
    """Share of hits in each resample."""
    shares: NDArray[np.float64] = hits.sum(axis=axis) / counts.sum(axis=axis)
    return shares
