"""`footnote eval`: from a folder of questions to numbers, pictures and exit codes."""

import json
from pathlib import Path

import pytest

import footnote.cli
import footnote.commands.eval_command
from footnote.commands.eval_command import Wishes
from footnote.evals.results import read_evaluation, write_evaluation
from tests.footnote.evals.small_set import NAME, evaluation_of, result_of, write_small_set
from tests.footnote.processes import Finished, run_here


@pytest.fixture(scope="module")
def evaldata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sets that has one tiny set."""
    folder = tmp_path_factory.mktemp("evaldata")
    write_small_set(folder)
    return folder


@pytest.fixture
def with_data(environment: dict[str, str], evaldata: Path) -> dict[str, str]:
    """The session's home and database, and the tiny set."""
    return {**environment, "FOOTNOTE_EVALDATA": str(evaldata)}


def one_line(output: Finished) -> str:
    """The line a failure shows; nothing else may be on stdout."""
    assert output.exit_code == 1
    assert output.stdout == ""
    [line] = output.stderr.splitlines()
    return line


async def test_a_run_measures_every_mode_and_writes_what_it_found(
    with_data: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "run.json"

    done = await run_here(
        *("eval", "retrieval", "--dataset", NAME, "--output", str(path)), environment=with_data
    )

    assert done.exit_code == 0, done.stderr
    run = read_evaluation(path)
    assert [result["variant"] for result in run["results"]] == ["lexical", "vector", "hybrid"]
    for result in run["results"]:
        assert result["question_ids"] == ["q1", "q2", "q3"]
        assert result["is_whole"]
        assert result["details"]["documents"] == 4
        # Four documents of one passage each: no vector search misses one of them.
        assert result["variant"] == "lexical" or result["figures"]["recall@100"] == 1
        assert f"{result['figures']['ndcg@10']:.4f}" in done.stdout
    # As the service does, not by the plans that Postgres has until sketches are held.
    plans = [result["details"]["vector_plan"] for result in run["results"]]
    assert plans == [None, "shortlist", "shortlist"]
    hybrid = run["results"][2]
    assert hybrid["scores"]["mrr@10"][0] == 1
    assert hybrid["scores"]["mrr@10"][2] == 1
    assert set(hybrid["figures_by_split"]) == {"plain", "talk"}
    secret = with_data["FOOTNOTE_DATABASE_URL"]
    assert secret not in path.read_text(encoding="utf-8")


async def test_a_second_run_loads_nothing_and_finds_the_same(
    with_data: dict[str, str], tmp_path: Path
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    command = ["eval", "retrieval", "--dataset", NAME, "--mode", "hybrid", "--output"]
    await run_here(*command, str(first), environment=with_data)

    await run_here(*command, str(second), environment=with_data)
    compared = await run_here(
        *("eval", "compare", str(first), str(second), "--json"), environment=with_data
    )

    assert read_evaluation(second)["results"][0]["details"]["load_seconds"] is None
    differences = {each["measure"]: each["difference"] for each in json.loads(compared.stdout)}
    assert differences == dict.fromkeys(
        ("ndcg@10", "recall@5", "recall@20", "recall@100", "mrr@10"), 0
    )


@pytest.mark.parametrize("history", ["rewrite-given", "footnote"])
async def test_a_follow_up_is_found_with_what_went_before(
    history: str, with_data: dict[str, str]
) -> None:
    done = await run_here(
        *("eval", "retrieval", "--dataset", NAME, "--mode", "lexical", "--json"),
        *("--history", history, "--split", "talk"),
        environment=with_data,
    )

    [result] = json.loads(done.stdout)["results"]
    assert result["variant"] == f"lexical+{history}"
    # "And what does it cost?" alone names nothing that is late; what went before does.
    assert result["figures"]["mrr@10"] == 1


async def test_a_figure_below_its_floor_fails_with_one_line(
    with_data: dict[str, str], tmp_path: Path
) -> None:
    floors = tmp_path / "floors.toml"
    floors.write_text(f'[retrieval.{NAME}.hybrid]\n"mrr@10" = 1.5\n', encoding="utf-8")
    output = tmp_path / "run.json"
    command = ["eval", "retrieval", "--dataset", NAME, "--mode", "hybrid"]
    command += ["--thresholds", str(floors)]

    failed = await run_here(*command, "--output", str(output), environment=with_data)
    skipped = await run_here(*command, "--no-thresholds", environment=with_data)

    assert failed.exit_code == 1
    assert f"footnote: below the floor: {NAME} hybrid mrr@10 " in failed.stderr.splitlines()[-1]
    assert output.exists()
    assert skipped.exit_code == 0


async def test_without_memory_for_sketches_postgres_searches(with_data: dict[str, str]) -> None:
    done = await run_here(
        *("eval", "retrieval", "--dataset", NAME, "--mode", "vector", "--json"),
        environment={**with_data, "FOOTNOTE_SEARCH_MEMORY_BYTES": "0"},
    )

    [result] = json.loads(done.stdout)["results"]
    assert result["details"]["vector_plan"] == "exact"


@pytest.mark.parametrize("option", ["--output", "--report"])
async def test_a_file_that_cannot_be_written_is_told_before_the_run(
    option: str, environment: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'evals' is not installed")
    file = tmp_path / "file"
    file.touch()
    # Reading a set that there is not would fail with another line.
    command = ["eval", "retrieval", "--dataset", "absent", option]

    folder = await run_here(*command, str(tmp_path), environment=environment)
    below_a_file = await run_here(*command, str(file / "run"), environment=environment)

    assert "is a folder" in one_line(folder)
    assert "cannot be written" in one_line(below_a_file)


async def test_a_page_that_would_be_a_folder_is_told(
    environment: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'evals' is not installed")

    done = await run_here(
        *("eval", "report", "absent.json", str(tmp_path)), environment=environment
    )

    assert "is a folder" in one_line(done)


def test_figures_are_shown_before_they_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wishes = Wishes(output=tmp_path, report=None, thresholds=None, as_json=False)

    with pytest.raises(IsADirectoryError):
        footnote.commands.eval_command.finish(evaluation_of(result_of({"mrr@10": [0.25]})), wishes)

    assert "0.2500" in capsys.readouterr().out


async def test_an_absent_set_is_told_in_one_line(with_data: dict[str, str]) -> None:
    done = await run_here("eval", "retrieval", "--dataset", "absent", environment=with_data)

    assert "data set 'absent' is absent: FOOTNOTE_EVALDATA" in one_line(done)


async def test_a_reranker_must_be_configured(with_data: dict[str, str]) -> None:
    done = await run_here("eval", "retrieval", "--dataset", NAME, "--rerank", environment=with_data)

    assert "FOOTNOTE_RERANK_MODEL" in one_line(done)


async def test_what_cannot_be_compared_is_told_in_one_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    write_evaluation(evaluation_of(result_of({"mrr@10": [1.0]})), one)
    write_evaluation(evaluation_of(result_of({"mrr@10": [1.0, 1.0]})), other)

    done = await run_here("eval", "compare", str(one), str(other), environment=environment)

    assert "different questions of 'small'" in one_line(done)


async def test_a_stored_run_becomes_a_page(environment: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'evals' is not installed")
    run, page = tmp_path / "run.json", tmp_path / "page.html"
    write_evaluation(evaluation_of(result_of({"mrr@10": [0.25]})), run)

    done = await run_here("eval", "report", str(run), str(page), environment=environment)

    assert done.exit_code == 0, done.stderr
    assert "0.2500" in page.read_text(encoding="utf-8")


async def test_evaluations_without_their_extra_say_what_to_install(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footnote.cli, "FITTING", ("no_such_package",))

    done = await run_here("eval", "compare", "one.json", "other.json", environment=environment)

    assert "'no_such_package' is not installed" in one_line(done)
    assert "pip install 'footnote[evals]'" in one_line(done)
