"""The prompts that requests can select."""

from typing import TYPE_CHECKING

from footnote.output import JsonOption, console, print_json

if TYPE_CHECKING:
    from app.answering.prompts.prompt import Prompt

SHOWN_HASH_CHARS = 12
"""Enough to tell versions apart by eye; --json has the whole hash."""


def prompts(as_json: JsonOption = False) -> None:
    """List the prompts, those of the release and those in the home's folder `prompts`."""
    from rich.table import Table

    from app.answering.prompts.library import PromptLibrary
    from kb.settings import Settings

    found = PromptLibrary(Settings().home_path / "prompts").prompts()
    if as_json:
        print_json(
            [
                {
                    "name": prompt.name,
                    "version": prompt.version,
                    "sha256": prompt.sha256,
                    "source": prompt.source,
                    "settings": _settings(prompt),
                }
                for prompt in found
            ]
        )
        return
    table = Table("prompt", "source", "sha256", "settings", box=None)
    for prompt in found:
        settings = ", ".join(f"{name}={value}" for name, value in _settings(prompt).items())
        table.add_row(prompt.reference, prompt.source, prompt.sha256[:SHOWN_HASH_CHARS], settings)
    console.print(table)
    console.print("A name alone selects the newest version.")


def _settings(prompt: "Prompt") -> dict[str, object]:
    model, guardrails = prompt.settings.model, prompt.settings.guardrails
    return {
        "temperature": model.temperature,
        "max_output_tokens": model.max_output_tokens,
        "max_claims": guardrails.max_claims,
        "max_claim_chars": guardrails.max_claim_chars,
    }
