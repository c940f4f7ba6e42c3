"""Versioned prompts, read from the text files beside this module: `answer@1` is `answer.v1.md`."""

import re
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from string import Template

from kb.errors import InvalidInput

SECTION_MARK = re.compile(r"^=== (?:user|repair) ===\n", re.MULTILINE)
REFERENCE = re.compile(r"(?P<name>[a-z]+)@(?P<version>[1-9][0-9]{0,3})")


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One version of a prompt; the hash is that of its file, so a record shows what was asked.

    Attributes:
        system: the rules; uses $fence.
        user: the request; uses $fence, $sources, $history and $question.
        repair: what follows an output of the wrong shape; uses $faults.
    """

    name: str
    version: int
    sha256: str
    system: Template
    user: Template
    repair: Template


def load_prompt(reference: str) -> Prompt:
    """The prompt of a reference such as 'answer@1'.

    Raises:
        InvalidInput: there is no such prompt.
    """
    match = REFERENCE.fullmatch(reference)
    file = resources.files(__package__).joinpath(
        f"{match['name']}.v{match['version']}.md" if match else "?"
    )
    if match is None or not file.is_file():
        raise InvalidInput(f"There is no prompt {reference!r}; one is called 'answer@1'.")
    content = file.read_bytes()
    system, user, repair = SECTION_MARK.split(content.decode())
    return Prompt(
        name=match["name"],
        version=int(match["version"]),
        sha256=sha256(content).hexdigest(),
        system=Template(system.strip()),
        user=Template(user.strip()),
        repair=Template(repair.strip()),
    )
