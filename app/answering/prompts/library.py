"""All versions of all prompts: those of the release and those of the operator, always current."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from app.answering.prompts.prompt import (
    MAX_PROMPT_BYTES,
    PACKAGED_PROMPTS,
    REFERENCE,
    Prompt,
    PromptUnusable,
    Source,
    parse_prompt,
)
from kb.errors import InvalidInput

MAX_NAMED: Final = 20
"""Prompts that an error names: more would not help whoever mistyped one."""

log = structlog.get_logger(__name__)


class _Stamp(NamedTuple):
    """Changes whenever a file's content may have."""

    modified_ns: int
    size_bytes: int
    inode: int


@dataclass(frozen=True, kw_only=True)
class _File:
    stamp: _Stamp
    prompt: Prompt | None


class PromptLibrary:
    """The prompts in the release and in `<folder>/<name>/<version>.md`.

    A file that was added, changed or taken away counts from the next look on. One that cannot be
    used is refused with a line in the log, and its last good content stays. An operator adds
    versions; a number that the release has already means what it means there.
    """

    def __init__(self, folder: Path) -> None:
        """Reads everything once; PromptUnusable when a prompt of the release is broken."""
        self._folder = folder
        self._packaged = {
            prompt.reference: prompt
            for name, version, path in _files(PACKAGED_PROMPTS)
            for prompt in [parse_prompt(name, version, path.read_bytes(), source="package")]
        }
        self._operators: dict[str, _File] = {}
        self._refresh()

    def get(self, reference: str) -> Prompt:
        """The prompt 'name@version', or the newest version of 'name'.

        Raises:
            InvalidInput: there is no such prompt.
        """
        known = self.prompts()
        found = [prompt for prompt in known if reference in {prompt.reference, prompt.name}]
        if not found:
            names = ", ".join(prompt.reference for prompt in known[:MAX_NAMED])
            raise InvalidInput(f"There is no prompt {reference!r}. There are: {names}.")
        return found[-1]

    def prompts(self) -> list[Prompt]:
        """Every usable prompt by name and version."""
        self._refresh()
        added = [file.prompt for file in self._operators.values() if file.prompt]
        return sorted(
            [*self._packaged.values(), *added], key=lambda prompt: (prompt.name, prompt.version)
        )

    def _refresh(self) -> None:
        """One stat for each of the operator's files; those that changed are read."""
        current: dict[str, _File] = {}
        for name, version, path in _files(self._folder):
            reference = f"{name}@{version}"
            known = self._operators.get(reference)
            try:
                status = path.stat()
                stamp = _Stamp(status.st_mtime_ns, status.st_size, status.st_ino)
                if known is not None and known.stamp == stamp:
                    current[reference] = known
                    continue
                prompt = self._read(name, version, path)
            except FileNotFoundError:
                continue
            except OSError:
                stamp, prompt = _Stamp(0, 0, 0), None
            current[reference] = _File(
                stamp=stamp, prompt=prompt or (known.prompt if known else None)
            )
        self._operators = current

    def _read(self, name: str, version: int, path: Path) -> Prompt | None:
        if f"{name}@{version}" in self._packaged:
            reason = "The release has this version; take a number that it does not have."
            log.warning("prompt.refused", name=name, version=version, reason=reason)
            return None
        try:
            with path.open("rb") as file:
                content = file.read(MAX_PROMPT_BYTES + 1)
            prompt = parse_prompt(name, version, content, source=_OPERATOR)
        except PromptUnusable as error:
            log.warning("prompt.refused", name=name, version=version, reason=error.message)
            return None
        log.info("prompt.loaded", name=name, version=version, sha256=prompt.sha256)
        return prompt


_OPERATOR: Final[Source] = "operator"


def _files(folder: Path) -> Iterator[tuple[str, int, Path]]:
    """Name, version and place of each file that is named as a prompt is."""
    for path in sorted(folder.glob("*/*.md")):
        match = REFERENCE.fullmatch(f"{path.parent.name}@{path.stem}")
        if match is not None:
            yield match["name"], int(match["version"]), path
