"""Does a sentence talk to the assistant that reads it? Told by `app.guard.instructions`."""

from app.guard.instructions import is_instruction_to_reader

__all__ = ["is_instruction_to_reader"]
