"""`footnote eval answers` and `abstention`: from a folder of questions to numbers."""

import json
from pathlib import Path

import pytest

from footnote.evals.halves import is_held_back
from footnote.evals.results import read_evaluation
from tests.fakes.language_model import lying_language_model
from tests.footnote.evals.small_set import write_lines
from tests.footnote.processes import run_here

LIBRARY = {
    "Loans": ("A loan of a book runs for two weeks.", "How long does a loan run?", "two weeks"),
    "Hours": ("The library opens at nine on weekdays.", "When does the library open?", "nine"),
    "Cards": ("A library card costs five euros.", "What does a library card cost?", "five euros"),
    "Fines": ("A late book costs ten cents a day.", "What does a late book cost?", "ten cents"),
    "Cats": ("Cats sleep for most of the afternoon.", "When do cats sleep?", "the afternoon"),
}
KITCHEN = {
    "Rooms": ("Rooms hold eight cooks each.", "How many cooks does a room hold?", "eight"),
    "Events": ("Soup is cooked every Friday evening.", "When is soup cooked?", "Friday"),
    "Archive": ("Old recipes are kept in the cellar.", "Where are recipes kept?", "the cellar"),
}
UNKNOWN = "Who painted the ceiling of the Sistine chapel in Rome?"


def write_set(
    folder: Path, known: dict[str, tuple[str, str, str]], *, is_near: bool = False
) -> None:
    """A question for each document, and one that nothing answers for each, near to it or not."""
    folder.mkdir(parents=True)
    write_lines(
        folder / "corpus.jsonl.gz",
        [{"doc_id": title, "title": title, "text": text} for title, (text, _, _) in known.items()],
    )
    asked = [
        {"query_id": f"q{title}", "text": question, "answers": [answer], "answerable": True}
        for title, (_, question, answer) in known.items()
    ]
    unknown = [
        {
            "query_id": f"u{title}",
            "text": question.replace("?", " in the old town?") if is_near else f"{UNKNOWN} {title}",
            "answers": [],
            "answerable": False,
        }
        for title, (_, question, _) in known.items()
    ]
    write_lines(folder / "queries.jsonl.gz", [*asked, *unknown])
    for name, prefix, relevance in (("qrels", "q", 1), ("qrels_unanswerable", "u", 0)):
        rows = [f"{prefix}{title}\t{title}\t{relevance}" for title in known]
        lines = ["query_id\tdoc_id\trelevance", *rows]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def with_data(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The session's home and database, and two tiny sets."""
    write_set(tmp_path / "sets" / "library", LIBRARY)
    write_set(tmp_path / "sets" / "kitchen", KITCHEN)
    return {**environment, "FOOTNOTE_EVALDATA": str(tmp_path / "sets")}


async def test_whole_answers_are_measured_with_every_outcome(
    with_data: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "answers.json"

    done = await run_here(
        *("eval", "answers", "--dataset", "library", "--dataset", "kitchen"),
        *("--output", str(path)),
        environment=with_data,
    )

    assert done.exit_code == 0, done.stderr
    run = read_evaluation(path)
    assert [(each["dataset"], each["variant"]) for each in run["results"]] == [
        ("library", "extractive"),
        ("library", "extractive absent"),
        ("kitchen", "extractive"),
        ("kitchen", "extractive absent"),
    ]
    library, foreign = run["results"][:2]
    held_back = sum(is_held_back(title) for title in LIBRARY)
    assert len(library["question_ids"]) == 2 * held_back
    assert library["figures"]["any_quote"] == 1
    assert library["figures"]["clean_quotes"] == 1
    assert library["details"]["leaks"] == 0
    assert library["figures"]["supported_claims"] == 1
    assert sum(each["share"] for each in library["figures_by_split"].values()) == pytest.approx(1)
    assert foreign["figures"]["unsupported_recall"] == 1
    assert "unsupported low_relevance" in done.stdout


GATEWAY = """
price_version = "small"
allow_unknown_price = false

[providers.weak]
base_url = "{weak}"

[providers.able]
base_url = "{able}"

[models.weak]
provider = "weak"
name = "weak"
price = {{ input = 1, output = 2 }}

[models.able]
provider = "able"
name = "able"
price = {{ input = 10, output = 20 }}

[aliases.mixed]
targets = [{{ model = "weak" }}]
strong = [{{ model = "able" }}]

[tenants.default]
aliases = ["mixed"]
"""


async def test_an_alias_is_measured_as_configured_and_with_each_tier_alone(
    with_data: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "answers.json"
    with lying_language_model("fabricated") as weak, lying_language_model("truthful") as able:
        gateway = tmp_path / "gateway.toml"
        gateway.write_text(GATEWAY.format(weak=weak.base_url, able=able.base_url), encoding="utf-8")

        done = await run_here(
            *("eval", "answers", "--dataset", "library", "--alias", "mixed"),
            *("--output", str(path)),
            environment={**with_data, "FOOTNOTE_GATEWAY_FILE": str(gateway)},
        )

    assert done.exit_code == 0, done.stderr
    by_variant = {each["variant"]: each for each in read_evaluation(path)["results"]}
    assert list(by_variant) == ["mixed", "mixed standard alone", "mixed strong alone"]
    mixed, standard, strong = by_variant.values()
    # The weak model's lies are removed, so each question that it was asked goes to the able one.
    assert mixed["figures"]["any_quote"] == strong["figures"]["any_quote"] == 1
    assert standard["figures"]["any_quote"] == 0
    asked = strong["details"]["calls"]
    assert isinstance(asked, int)
    assert asked == standard["details"]["calls"] == mixed["details"]["escalated"]
    assert mixed["details"]["calls"] == 2 * asked
    assert mixed["details"]["routed"] == 0
    # 60 tokens in at full price, 40 cached, 20 out: 100 + 40 a call of the weak model, times 10.
    assert [each["details"]["microdollars"] for each in (standard, strong, mixed)] == [
        140 * asked,
        1400 * asked,
        1540 * asked,
    ]
    assert "escalated" in done.stdout


async def test_abstention_is_measured_on_articles_that_were_left_out_of_the_fit(
    environment: dict[str, str], tmp_path: Path
) -> None:
    fitted = tmp_path / "fitted.json"
    write_set(tmp_path / "sets" / "library", LIBRARY, is_near=True)
    write_set(tmp_path / "sets" / "kitchen", KITCHEN, is_near=True)

    done = await run_here(
        *("eval", "abstention", "--dataset", "library", "--dataset", "kitchen", "--fit"),
        *("--version", "small", "--fitted", str(fitted), "--json"),
        environment={**environment, "FOOTNOTE_EVALDATA": str(tmp_path / "sets")},
    )

    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert {(each["dataset"], each["variant"]) for each in results} == {
        ("library", "near"),
        ("library", "absent"),
        ("kitchen", "near"),
        ("kitchen", "absent"),
    }
    held_back = sum(is_held_back(title) for title in LIBRARY)
    assert results[0]["details"]["answerable"] == held_back
    assert json.loads(fitted.read_text(encoding="utf-8"))["version"] == "small"
