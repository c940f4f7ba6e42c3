"""Patterns of paths."""

import pytest

from ingest.sources.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("*.md", ["a.md", "x/y/a.md"], ["a.txt", "a.md/b"]),
        ("hr/**", ["hr/a", "hr/x/y"], ["hrx/a", "x/hr/a", "HR/a"]),
        ("hr/", ["hr/a", "hr/x/y"], ["hrx/a"]),
        ("/a.md", ["a.md"], ["x/a.md"]),
        ("**", ["a", "a/b"], []),
        ("a/**/z.md", ["a/z.md", "a/b/c/z.md"], ["a/bz.md", "z.md"]),
        ("a/*", ["a/b"], ["a/b/c", "a"]),
        ("?.md", ["a.md"], ["ab.md"]),
        ("**/x/**/y", ["x/y", "q/x/r/s/y"], ["y/x"]),
        ("a.md", ["a.md"], ["aXmd"]),
    ],
)
def test_patterns(pattern: str, fitting: list[str], others: list[str]) -> None:
    compiled = compile_pattern(pattern)

    assert [path for path in fitting if not compiled.fits(path)] == []
    assert [path for path in others if compiled.fits(path)] == []


def test_a_hostile_pattern_takes_no_more_steps_than_it_has_parts() -> None:
    pattern = compile_pattern("*a" * 240 + "b/" + "**/" * 6 + "x")

    assert not pattern.fits("/".join(["a" * 100] * 10))
