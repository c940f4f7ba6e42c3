"""A provider's own judgement of a text, where one is configured."""

from typing import Protocol

from app.guard.checks import CheckResult


class Moderator(Protocol):
    """Asks a moderation endpoint; implemented in `app.gateway`."""

    async def flagged_categories(self, text: str) -> tuple[str, ...]:
        """The categories that the provider flags, none for a harmless text.

        Raises:
            LlmUnavailable: it cannot be asked; the request fails then, it is not let through.
        """
        ...


async def moderate(text: str, moderator: Moderator) -> CheckResult:
    """The provider's verdict as a check; a rejected text is `blocked` for `policy`."""
    categories = await moderator.flagged_categories(text)
    return CheckResult(
        name="moderation",
        outcome="reject" if categories else "pass",
        reason=", ".join(categories) or None,
    )
