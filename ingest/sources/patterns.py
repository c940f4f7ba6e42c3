"""Patterns of paths, as `.gitignore` writes them: `*.md`, `hr/**`, `reports/*/summary.pdf`."""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ANY_DEPTH: Final = "**"


@dataclass(frozen=True, kw_only=True)
class PathPattern:
    """One pattern, its parts compiled; None stands for any number of parts.

    `*` and `?` stand for characters of one part, `**` for any parts. A pattern without a slash is
    about the name alone, at any depth; one that ends in a slash is about all that is below.
    """

    parts: tuple[re.Pattern[str] | None, ...]

    def fits(self, path: str) -> bool:
        """True when the whole path, with slashes between its parts, fits; case counts."""
        # The numbers of leading parts of the pattern that the path so far may have used up.
        reached = _with_skips({0}, self.parts)
        for name in path.split("/"):
            following = set()
            for at in reached:
                if at == len(self.parts):
                    continue
                part = self.parts[at]
                if part is None:
                    following.add(at)
                elif part.match(name):
                    following.add(at + 1)
            reached = _with_skips(following, self.parts)
        return len(self.parts) in reached


def compile_pattern(text: str) -> PathPattern:
    """The pattern; every text is one."""
    if text.endswith("/"):
        text += ANY_DEPTH
    if "/" not in text:
        text = f"{ANY_DEPTH}/{text}"
    return PathPattern(
        parts=tuple(
            # Its stars are atomic groups: no pattern takes more than a step for each character.
            None if part == ANY_DEPTH else re.compile(fnmatch.translate(part))
            for part in text.removeprefix("/").split("/")
        )
    )


def fits_any(patterns: Sequence[PathPattern], path: str) -> bool:
    """True when the path fits one of the patterns."""
    return any(pattern.fits(path) for pattern in patterns)


def _with_skips(reached: set[int], parts: Sequence[re.Pattern[str] | None]) -> set[int]:
    """`reached`, and what is reached from there by letting `**` stand for nothing."""
    for at, part in enumerate(parts):
        if at in reached and part is None:
            reached = reached | {at + 1}
    return reached
