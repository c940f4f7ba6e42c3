"""One self-contained page about an evaluation. Needs the extra `evals`."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from footnote.evals.plots import latency_picture, quality_picture, risk_picture
from footnote.evals.results import Evaluation
from footnote.evals.risk import has_risk
from footnote.evals.thresholds import Verdict

TEMPLATE = Path(__file__).parent / "report.html"


def write_report(evaluation: Evaluation, verdicts: Sequence[Verdict], path: Path) -> list[Path]:
    """The files written: the page, and beside it the pictures it shows."""
    picture_by_name = {
        "quality": quality_picture(evaluation),
        "latency": latency_picture(evaluation),
    }
    if any(has_risk(result) for result in evaluation["results"]):
        picture_by_name["risk"] = risk_picture(evaluation)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(evaluation, verdicts, picture_by_name), encoding="utf-8")
    written = [path]
    for name, picture in picture_by_name.items():
        written.append(path.with_name(f"{path.stem}-{name}.png"))
        written[-1].write_bytes(picture)
    return written


def render_page(
    evaluation: Evaluation, verdicts: Sequence[Verdict], picture_by_name: dict[str, bytes]
) -> str:
    """HTML that loads nothing: the PNG pictures are part of it."""
    # The highest value of each figure in each data set.
    best: dict[tuple[str, str], float] = {}
    for result in evaluation["results"]:
        for name, value in result["figures"].items():
            key = (result["dataset"], name)
            best[key] = max(value, best.get(key, value))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        evaluation=evaluation,
        provenance=evaluation["provenance"],
        results=evaluation["results"],
        figures=list(
            dict.fromkeys(name for each in evaluation["results"] for name in each["figures"])
        ),
        best=best,
        verdicts=verdicts,
        pictures={
            name: f"data:image/png;base64,{b64encode(picture).decode()}"
            for name, picture in picture_by_name.items()
        },
    )
