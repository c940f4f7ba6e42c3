"""What a failed check leaves of a claim's score."""

from typing import Final

FAILED_CHECK_FACTOR: Final = 0.7
"""Of a failed number, name or negation check."""
