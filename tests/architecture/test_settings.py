"""Settings: few, documented with their defaults, and read in one place."""

import ast
import re
from pathlib import Path

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from kb.settings import Settings
from tests.architecture.source import FILES, ROOT, parse, relative

MAX_SETTINGS = 40
PREFIX = "FOOTNOTE_"
FIELDS = {f"{PREFIX}{name.upper()}": field for name, field in Settings.model_fields.items()}

READERS_OF_THE_ENVIRONMENT = {
    "footnote/cli.py": "gives numpy one thread, and reads nothing",
    "footnote/commands/demo.py": "hands the environment on to its child and reads nothing in it",
}
"""Besides pydantic-settings in kb/settings.py."""

EXAMPLE = ROOT / ".env.example"
COMPOSE_HEADING = "# Only for docker-compose.yml"


def example_settings() -> dict[str, str]:
    """The commented-out settings of .env.example, before the part that only compose reads."""
    text = EXAMPLE.read_text(encoding="utf-8").partition(COMPOSE_HEADING)[0]
    return dict(re.findall(rf"^# ({PREFIX}\w+)=(.*)$", text, flags=re.MULTILINE))


def means_the_default(field: FieldInfo, written: str) -> bool:
    """True when the text is the field's default; empty where it has none or depends on the host."""
    if field.default_factory is not None or field.default is None:
        return written == ""
    assert field.annotation is not None
    read = TypeAdapter(field.annotation).validate_python(written)
    return bool(read == field.default)


def test_there_are_at_most_forty_settings() -> None:
    assert 0 < len(FIELDS) <= MAX_SETTINGS


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in FIELDS.items() if not field.description] == []


def test_the_example_file_has_every_setting_and_no_other() -> None:
    assert sorted(example_settings()) == sorted(FIELDS)


def test_the_example_file_tells_every_default() -> None:
    wrong = {
        name: written
        for name, written in example_settings().items()
        if not means_the_default(FIELDS[name], written)
    }

    assert wrong == {}


def test_the_example_file_changes_nothing_as_it_is() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == []


def reads_environment(path: Path) -> bool:
    """True when the file names `os.environ` or `os.getenv`, under whatever name."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv"}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and names & {alias.name for alias in node.names})
        for node in ast.walk(parse(path))
    )


def test_nobody_else_reads_the_environment() -> None:
    readers = {relative(path) for path in FILES if reads_environment(path)}

    assert readers == READERS_OF_THE_ENVIRONMENT.keys()


def test_settings_are_declared_in_one_place() -> None:
    users = {
        relative(path)
        for path in FILES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.module == "pydantic_settings"
    }

    assert users == {"kb/settings.py"}
