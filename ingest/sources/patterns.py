"""Patterns of paths, as `.gitignore` writes them: `*.md`, `hr/**`, `reports/*/summary.pdf`."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

ANY_DEPTH: Final = "**"


@dataclass(frozen=True, kw_only=True)
class PathPattern:
    """One pattern in its parts, of which `**` stands for any number.

    `*` and `?` stand for characters of one part. A pattern without a slash is
    about the name alone, at any depth; one that ends in a slash is about all that is below.
    """

    parts: tuple[str, ...]

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
                if part == ANY_DEPTH:
                    following.add(at)
                # Its stars are atomic groups: no more than a step for each character.
                elif fnmatchcase(name, part):
                    following.add(at + 1)
            reached = _with_skips(following, self.parts)
        return len(self.parts) in reached


def compile_pattern(text: str) -> PathPattern:
    """The pattern; every text is one."""
    if text.endswith("/"):
        text += ANY_DEPTH
    if "/" not in text:
        text = f"{ANY_DEPTH}/{text}"
    return PathPattern(parts=tuple(text.removeprefix("/").split("/")))


def fits_any(patterns: Sequence[PathPattern], path: str) -> bool:
    """True when the path fits one of the patterns."""
    return any(pattern.fits(path) for pattern in patterns)


def _with_skips(reached: set[int], parts: Sequence[str]) -> set[int]:
    """`reached`, and what is reached from there by letting `**` stand for nothing."""
    for at, part in enumerate(parts):
        if at in reached and part == ANY_DEPTH:
            reached = reached | {at + 1}
    return reached
