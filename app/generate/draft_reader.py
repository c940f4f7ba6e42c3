"""A draft read while the model is still writing it: each claim as soon as its JSON has closed.

The output is one object, `{"status": ..., "claims": [...], "clarifying_question": ...}`, its keys
in any order. What stands before the first brace and after the last one is passed over: models that
cannot be held to JSON put a fence around it.
"""

import json
from typing import Final

_DECODER: Final = json.JSONDecoder()
_WHITE_SPACE: Final = " \t\r\n"

MAX_VALUE_CHARS: Final = 20_000
"""Of one claim: a longer one is no sentence, and an open value is read again for each piece."""

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None


class UnreadableDraft(ValueError):
    """The text so far cannot become a draft, whatever follows; `position` is where it broke.

    `claims` are those that the last piece completed before that: what is read must not depend on
    how the text was cut into pieces.
    """

    def __init__(self, position: int) -> None:
        """The position counts characters of the whole output."""
        super().__init__(f"The output is no JSON object from character {position} on.")
        self.position = position
        self.claims: list[JsonValue] = []


class DraftReader:
    """Takes the output piece by piece and gives the claims that have become whole.

    A claim is given as the parsed JSON value; whether it has the shape of a claim is for the
    caller to find out. `fields` holds the other members of the object that are whole.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._text = ""
        self._position = 0
        self._key: str | None = None
        self._in_claims = False
        self._has_opened = False
        self.is_closed = False
        self.fields: dict[str, JsonValue] = {}

    @property
    def text(self) -> str:
        """Everything that was fed."""
        return self._text

    def feed(self, piece: str) -> list[JsonValue]:
        """The claims that this piece completed, in order.

        Raises:
            UnreadableDraft: what stands there is no JSON object.
        """
        self._text += piece
        claims: list[JsonValue] = []
        try:
            while not self.is_closed and self._step(claims):
                pass
        except UnreadableDraft as broken:
            broken.claims = claims
            raise
        return claims

    def _step(self, claims: list[JsonValue]) -> bool:
        """Reads one token; False when the text ends before it does."""
        if not self._has_opened:
            return self._open()
        self._skip(_WHITE_SPACE + ",")
        if self._position >= len(self._text):
            return False
        if self._in_claims:
            return self._step_in_claims(claims)
        if self._key is None:
            return self._step_to_key()
        return self._step_to_value()

    def _open(self) -> bool:
        start = self._text.find("{")
        self._position = len(self._text) if start < 0 else start + 1
        self._has_opened = start >= 0
        return self._has_opened

    def _step_in_claims(self, claims: list[JsonValue]) -> bool:
        if self._text[self._position] == "]":
            self._position += 1
            self._in_claims = False
            self._key = None
            return True
        value, is_whole = self._value()
        if is_whole:
            claims.append(value)
        return is_whole

    def _step_to_key(self) -> bool:
        if self._text[self._position] == "}":
            self.is_closed = True
            return False
        key, is_whole = self._value()
        if not is_whole:
            return False
        if not isinstance(key, str):
            raise UnreadableDraft(self._position)
        self._key = key
        return True

    def _step_to_value(self) -> bool:
        self._skip(_WHITE_SPACE + ":")
        if self._position >= len(self._text):
            return False
        if self._key == "claims" and self._text[self._position] == "[":
            self._position += 1
            self._in_claims = True
            return True
        value, is_whole = self._value()
        if is_whole and self._key is not None:
            self.fields[self._key] = value
            self._key = None
        return is_whole

    def _value(self) -> tuple[JsonValue, bool]:
        """The JSON value that starts here, and whether it has ended."""
        try:
            value, end = _DECODER.raw_decode(self._text, self._position)
        except json.JSONDecodeError as error:
            is_short = len(self._text) - self._position <= MAX_VALUE_CHARS
            if is_short and _may_go_on(self._text, error):
                return None, False
            raise UnreadableDraft(error.pos) from None
        except RecursionError:
            raise UnreadableDraft(self._position) from None
        if end == len(self._text) and not isinstance(value, str | list | dict):
            # The last character may be the first half of a number or of nothing more.
            return None, False
        self._position = end
        return value, True

    def _skip(self, characters: str) -> None:
        while self._position < len(self._text) and self._text[self._position] in characters:
            self._position += 1


_LONGEST_TAIL: Final = 12
"""Characters of an escape or a literal that may be cut off: `\\ud83d\\ude00`, `false`."""


def _may_go_on(text: str, error: json.JSONDecodeError) -> bool:
    """True when more text could mend the error: it lies at the end, or in a string left open."""
    if error.msg.startswith("Unterminated string"):
        return True
    return error.pos >= len(text.rstrip()) - _LONGEST_TAIL
