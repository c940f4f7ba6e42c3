"""The page: whole in itself, and true."""

import re
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the extra 'evals' is not installed")

from footnote.evals.plots import latency_picture, quality_picture
from footnote.evals.report import write_report
from footnote.evals.thresholds import Verdict
from tests.footnote.evals.small_set import evaluation_of, result_of

PNG_SIGNATURE = b"\x89PNG"

EVALUATION = evaluation_of(
    result_of({"ndcg@10": [0.25, 0.5], "mrr@10": [0.0, 1.0]}, variant="lexical"),
    result_of({"ndcg@10": [0.75, 1.0], "mrr@10": [1.0, 1.0]}, variant="hybrid"),
    result_of({"ndcg@10": [0.5]}, dataset="<other>"),
)
MISSED = Verdict(dataset="small", variant="hybrid", figure="ndcg@10", value=0.875, floor=0.9)


def test_the_page_shows_numbers_floors_settings_and_data(tmp_path: Path) -> None:
    write_report(EVALUATION, [MISSED], tmp_path / "page.html")

    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<td>0.3750</td>" in page
    assert '<td class="best">0.8750</td>' in page
    assert '<td class="missed">missed</td>' in page
    assert "retrieval_candidates" in page
    assert "abacus" in page
    assert "0" * 64 in page
    assert "&lt;other&gt;" in page


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    write_report(EVALUATION, [], tmp_path / "page.html")

    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{1,30})', page)
    assert [source.startswith("data:image/png;base64,") for source in sources] == [True, True]
    assert "http" not in page.replace("https", "http").split("</style>")[0]


def test_the_pictures_stand_beside_the_page(tmp_path: Path) -> None:
    written = write_report(EVALUATION, [], tmp_path / "page.html")

    assert [path.name for path in written] == ["page.html", "page-quality.png", "page-latency.png"]
    assert all(path.read_bytes().startswith(PNG_SIGNATURE) for path in written[1:])


def test_the_same_numbers_give_the_same_pictures() -> None:
    assert quality_picture(EVALUATION) == quality_picture(EVALUATION)
    assert latency_picture(EVALUATION) == latency_picture(EVALUATION)


def test_probabilities_are_drawn_as_risk_by_coverage(tmp_path: Path) -> None:
    scores = {"probability": [0.9, 0.2, 0.6], "has_answer": [1.0, 0.0, 1.0]}

    written = write_report(evaluation_of(result_of(scores)), [], tmp_path / "page.html")

    assert [path.name for path in written][-1] == "page-risk.png"
    assert written[-1].read_bytes().startswith(PNG_SIGNATURE)
    assert "Risk by coverage" in (tmp_path / "page.html").read_text(encoding="utf-8")
