"""Packages of the extra `evals`, which only evaluations need."""

from importlib.util import find_spec

from kb.errors import Misconfigured

FITTING = ("scipy", "sklearn")
DRAWING = ("matplotlib", "jinja2")


def require_packages(names: tuple[str, ...], *, purpose: str) -> None:
    """Misconfigured when one of them is not installed."""
    for name in names:
        if find_spec(name) is None:
            raise Misconfigured(
                f"{name!r} is not installed, which {purpose} need: pip install 'footnote[evals]'."
            )
