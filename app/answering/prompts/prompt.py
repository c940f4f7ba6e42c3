"""One version of a prompt: a file of front matter and five sections, checked when it is read."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from kb.errors import InvalidInput, Misconfigured

PACKAGED_PROMPTS: Final = Path(__file__).parent
"""`<name>/<version>.md` in this folder come with the release."""

REFERENCE: Final = re.compile(r"(?P<name>[a-z][a-z_]{0,39})@(?P<version>[1-9][0-9]{0,3})")
MAX_PROMPT_BYTES: Final = 100_000
"""A longer file is not a prompt, and every request would pay for it."""

REQUIRED_VARIABLES: Final[Mapping[str, frozenset[str]]] = {
    "system": frozenset({"fence"}),
    "context": frozenset({"sources", "history"}),
    "instruction": frozenset({"fence", "question"}),
    "format": frozenset(),
    "repair": frozenset({"faults"}),
}
"""By section, in the order of the file; all but `repair` may also name the fence."""

_SECTION_MARK = re.compile(r"^=== ([a-z]+) ===\n", re.MULTILINE)
_FRONT_MATTER = re.compile(
    r"\+\+\+\n(?P<settings>.*?)^\+\+\+\n(?P<sections>.*)", re.DOTALL | re.MULTILINE
)

Source = Literal["package", "operator"]


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Settings of the model's call; None stands for the gateway's own."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None


@dataclass(frozen=True, kw_only=True)
class OutputGuardrails:
    """Limits of an output written with this prompt."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    max_claims: Annotated[int, Field(ge=1, le=100)] = 12
    max_claim_chars: Annotated[int, Field(ge=40, le=4_000)] = 600


@dataclass(frozen=True, kw_only=True)
class PromptSettings:
    """The front matter."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    model: ModelSettings = field(default_factory=ModelSettings)
    guardrails: OutputGuardrails = field(default_factory=OutputGuardrails)


_SETTINGS = TypeAdapter(PromptSettings)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One version of a prompt; the hash is that of its file, so a record shows what was asked.

    Attributes:
        system: who the model is and what is data; uses $fence.
        context: the sources and the conversation; uses $sources and $history.
        instruction: the request; uses $fence and $question.
        format: what the output looks like; follows the system section.
        repair: what follows an output of the wrong shape; uses $faults.
        source: whether it came with the release or stands in the operator's folder.
    """

    name: str
    version: int
    sha256: str
    source: Source
    settings: PromptSettings
    system: Template
    context: Template
    instruction: Template
    format: Template
    repair: Template

    @property
    def texts(self) -> tuple[str, ...]:
        """Its own words, without what is filled in."""
        sections = (self.system, self.context, self.instruction, self.format)
        return tuple(section.template for section in sections)

    @property
    def reference(self) -> str:
        """The name by which requests select it, such as 'answer@1'."""
        return f"{self.name}@{self.version}"


class PromptUnusable(Misconfigured):
    """A prompt's file cannot be used; the message names the place, never the text."""


def parse_prompt(name: str, version: int, content: bytes, *, source: Source) -> Prompt:
    """The prompt that a file holds.

    Raises:
        PromptUnusable: a section or a variable is missing or unknown, or a setting is wrong.
    """
    if len(content) > MAX_PROMPT_BYTES:
        raise PromptUnusable(f"The file is longer than {MAX_PROMPT_BYTES} bytes.")
    try:
        matter = _FRONT_MATTER.fullmatch(content.decode())
    except UnicodeDecodeError:
        raise PromptUnusable("The file is not UTF-8.") from None
    if matter is None:
        raise PromptUnusable("The file does not begin with front matter between lines of '+++'.")
    try:
        # Strict validation takes a dataclass from JSON, not from a dictionary.
        settings = _SETTINGS.validate_json(json.dumps(tomllib.loads(matter["settings"])))
    except tomllib.TOMLDecodeError:
        raise PromptUnusable("The front matter is not TOML.") from None
    except ValidationError as error:
        places = {".".join(str(step) for step in each["loc"]) for each in error.errors()}
        raise PromptUnusable(
            f"The front matter is wrong at: {', '.join(sorted(places))}."
        ) from None
    sections = _sections(matter["sections"])
    return Prompt(
        name=name,
        version=version,
        sha256=sha256(content).hexdigest(),
        source=source,
        settings=settings,
        system=sections["system"],
        context=sections["context"],
        instruction=sections["instruction"],
        format=sections["format"],
        repair=sections["repair"],
    )


def load_prompt(reference: str) -> Prompt:
    """The packaged prompt of a reference such as 'answer@1'.

    Raises:
        InvalidInput: there is no such prompt.
    """
    match = REFERENCE.fullmatch(reference)
    file = PACKAGED_PROMPTS / match["name"] / f"{match['version']}.md" if match else None
    if match is None or file is None or not file.is_file():
        raise InvalidInput(f"There is no prompt {reference!r}; one is called 'answer@1'.")
    return parse_prompt(match["name"], int(match["version"]), file.read_bytes(), source="package")


def _sections(text: str) -> dict[str, Template]:
    before, *pieces = _SECTION_MARK.split(text)
    names = pieces[::2]
    if before.strip() or sorted(names) != sorted(REQUIRED_VARIABLES):
        expected = ", ".join(REQUIRED_VARIABLES)
        raise PromptUnusable(f"The sections must be these, each once: {expected}.")
    sections = {
        name: Template(body.strip()) for name, body in zip(names, pieces[1::2], strict=True)
    }
    for name, template in sections.items():
        _check_variables(name, template)
    return sections


def _check_variables(section: str, template: Template) -> None:
    if not template.is_valid():
        raise PromptUnusable(f"Section {section!r} has a '$' that is no variable; write '$$'.")
    required = REQUIRED_VARIABLES[section]
    used = frozenset(template.get_identifiers())
    unknown = used - required - (frozenset() if section == "repair" else {"fence"})
    for names, fault in ((unknown, "has unknown variables"), (required - used, "lacks variables")):
        if names:
            listed = ", ".join(f"${name}" for name in sorted(names))
            raise PromptUnusable(f"Section {section!r} {fault}: {listed}.")
