"""The prompts of the release and of the operator, as they are from one moment to the next."""

import io
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from app.answering.prompts.library import PromptLibrary
from app.answering.prompts.prompt import PACKAGED_PROMPTS
from kb.errors import InvalidInput

TEXT = (PACKAGED_PROMPTS / "answer" / "1.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.usefixtures("every_level_is_logged")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    replacement = path.with_suffix(".new")
    replacement.write_text(text, encoding="utf-8")
    # Another file in its place: a change that the clock's resolution cannot hide.
    replacement.replace(path)
    return path


def test_prompts_of_the_release_are_there_without_a_folder(tmp_path: Path) -> None:
    library = PromptLibrary(tmp_path / "none")

    references = [prompt.reference for prompt in library.prompts()]

    assert references == ["answer@1", "answer@2"]
    assert library.get("answer@1").source == "package"
    assert library.get("answer").version == 2


def test_added_version_is_found_without_a_restart(tmp_path: Path) -> None:
    library = PromptLibrary(tmp_path)
    with pytest.raises(InvalidInput):
        library.get("answer@1001")

    write(tmp_path, "answer/1001.md", TEXT.replace("You answer", "Kindly answer"))

    prompt = library.get("answer@1001")
    assert prompt.source == "operator"
    assert "Kindly answer" in prompt.system.template
    assert library.get("answer") == prompt


def test_changed_version_is_read_again_and_a_deleted_one_is_gone(tmp_path: Path) -> None:
    path = write(tmp_path, "answer/1001.md", TEXT)
    library = PromptLibrary(tmp_path)
    before = library.get("answer@1001")

    write(tmp_path, "answer/1001.md", TEXT + "And hurry.\n")
    after = library.get("answer@1001")
    path.unlink()

    assert after.sha256 != before.sha256
    assert "And hurry." in after.repair.template
    with pytest.raises(InvalidInput, match="There are: answer@1, answer@2"):
        library.get("answer@1001")


def test_broken_change_is_refused_and_the_last_good_version_stays(tmp_path: Path) -> None:
    write(tmp_path, "answer/1001.md", TEXT)
    library = PromptLibrary(tmp_path)
    good = library.get("answer@1001")

    write(tmp_path, "answer/1001.md", TEXT.replace("$question", "$query"))
    with capture_logs() as logs:
        kept = [library.get("answer@1001") for _ in range(3)]

    assert kept == [good, good, good]
    (line,) = logs  # told once, not with every request
    assert line["event"] == "prompt.refused"
    assert (line["name"], line["version"]) == ("answer", 1001)
    assert line["reason"] == "Section 'instruction' has unknown variables: $query."


def test_mended_file_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "answer/1001.md", "nonsense")
    library = PromptLibrary(tmp_path)
    with pytest.raises(InvalidInput):
        library.get("answer@1001")

    write(tmp_path, "answer/1001.md", TEXT)

    assert library.get("answer@1001").version == 1001


def test_number_of_the_release_cannot_be_taken(tmp_path: Path) -> None:
    write(tmp_path, "answer/1.md", TEXT.replace("You answer", "Invent"))

    with capture_logs() as logs:
        library = PromptLibrary(tmp_path)

    assert library.get("answer@1").source == "package"
    assert [line["event"] for line in logs] == ["prompt.refused"]


def test_other_files_are_nobodys_prompt(tmp_path: Path) -> None:
    for name in ("answer/01.md", "answer/draft.md", "Answer/5.md", "answer/5.txt", "5.md"):
        write(tmp_path, name, TEXT)

    library = PromptLibrary(tmp_path)

    assert [prompt.reference for prompt in library.prompts()] == ["answer@1", "answer@2"]


def test_what_is_logged_never_quotes_a_prompt(tmp_path: Path) -> None:
    write(
        tmp_path, "answer/1001.md", TEXT.replace("temperature = 0.0", 'temperature = "TOPSECRET"')
    )
    output = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(output))
    try:
        PromptLibrary(tmp_path)
    finally:
        structlog.reset_defaults()

    assert "model.temperature" in output.getvalue()
    assert "TOPSECRET" not in output.getvalue()
