"""The options of a run of benchmarks, and the homes and data that they name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from pydantic import ValidationError

from evals.bench.footnote_process import Instance
from evals.bench.ingest import PAGES
from footnote.evals.datasets import Dataset, open_dataset
from kb.settings import Settings

SETTABLE = Settings.model_fields.keys() - {"home", "evaldata"}
"""Each benchmark has its home from --home, and its data from FOOTNOTE_EVALDATA."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The options of a run."""

    folder: Path
    evaldata: Path
    overrides: Mapping[str, str]
    runs: int | None
    pages: int
    limit: int | None
    against: Path | None = None

    @property
    def is_whole(self) -> bool:
        """True when nothing is left out and no setting differs from its default."""
        is_all = self.runs is None and self.limit is None and self.pages == PAGES
        return is_all and not self.overrides

    def instance(self, name: str) -> Instance:
        """A home of this name below the folder."""
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True)
        return Instance(home=home, overrides=self.overrides)

    def other_instance(self, name: str) -> Instance | None:
        """The same for the other checkout, in a home of its own; None: there is none."""
        if self.against is None:
            return None
        return replace(self.instance(f"{name}_against"), checkout=self.against)

    def data(self, dataset: str) -> Dataset:
        """The data set of this name; Misconfigured when it is missing."""
        return open_dataset(self.evaldata, dataset)


def overrides_of(pairs: Sequence[str]) -> dict[str, str]:
    """The settings by name; BadParameter for what is none, which would be measured as if set."""
    overrides = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in SETTABLE:
            raise typer.BadParameter(f"{pair!r} is no NAME=VALUE of kb.settings.")
        overrides[name] = value
    try:
        # The home is none of the names: any folder does, and none is made.
        _ = Instance(home=Path(), overrides=overrides).settings
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        raise typer.BadParameter(f"{name}: {fault['msg']}") from error
    return overrides
