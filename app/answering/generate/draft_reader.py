"""A draft read while the model is still writing it: each claim as soon as its JSON has closed.

The output holds one object, `{"status": ..., "claims": [...], "clarifying_question": ...}`, its
keys in any order. Around it may stand prose, a fence, and what the model thought aloud between
`<think>` and `</think>`. Each character is looked at once, however the output is cut into pieces.

Not pydantic_core.from_json(allow_partial=True): it starts anew with each piece (138 s for 100,000
characters of empty claims, where this takes 8 s for a million), does not tell a whole claim from
half of one, and refuses line breaks in strings, halves of surrogate pairs and prose around.
"""

import json
import re
from typing import Final, Literal

MAX_OUTPUT_CHARS: Final = 4_000_000
"""A million tokens with all that a model thinks aloud: only a broken one writes on."""

MAX_VALUE_CHARS: Final = 20_000
"""Of one claim: a longer one is no sentence."""

MAX_DEPTH: Final = 20
"""Brackets open within one claim; a claim has four."""

MAX_FIELDS: Final = 100
"""Of the object; a draft has three."""

KEPT_CHARS: Final = 8_000
"""Of the output's beginning, to be shown to the model again: more than a usable draft has."""

_OPENING: Final = re.compile(
    r"\{|<(?:think|thinking|thought|reasoning|reflection)>|\[THINK\]|\u25c1think\u25b7",
    re.IGNORECASE,
)
_THOUGHT_END: Final = re.compile(
    r"</(?:think|thinking|thought|reasoning|reflection)>|\[/THINK\]|\u25c1/think\u25b7",
    re.IGNORECASE,
)
_LONGEST_TAG: Final = len("</reflection>")
_TAG_BEGUN: Final = re.compile(r"[<\[\u25c1].*+", re.DOTALL)
"""Perhaps the first half of a tag, at the end of a piece."""

_WHITE_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_STRUCTURE: Final = re.compile(r'["{}\[\],]')
_STRING_END: Final = re.compile(r'["\\]')
_CLAIMS_KEY: Final = re.compile(r'\s*+"claims"\s*+:\s*+')
_NO_TEXT: Final = re.compile(r"[\x00\ud800-\udfff]")
_CLOSING: Final = {"{": "}", "[": "]"}
_LONGEST_CLAIMS_KEY: Final = 100
"""Characters of the key, its colon and the white space around them."""

_DRAFT_KEYS: Final = frozenset({"status", "claims"})

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None


class UnreadableDraft(ValueError):
    """The output cannot become a draft any more, whatever follows.

    `claims` are those that the last piece completed before that: what is read must not depend on
    how the text was cut into pieces.
    """

    def __init__(self, claims: list[JsonValue]) -> None:
        """No text of the output is told."""
        super().__init__("The output is no JSON object.")
        self.claims = claims


class _Broken(ValueError):
    """The object that was being read is no JSON."""


class DraftReader:
    """Takes the output piece by piece and gives the claims that have become whole.

    A claim is given as the parsed JSON value; whether it has the shape of a claim is for the
    caller to find out. `fields` holds the other members of the object that are whole. `is_closed`
    is true once an object has ended; one without any member of a draft gives way to the next.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self.fields: dict[str, JsonValue] = {}
        self.is_closed = False
        self.text = ""
        """The beginning of the output."""
        self._state: Literal["outside", "thought", "opened", "object", "done"] = "outside"
        self._length = 0
        self._tail = ""
        self._has_given = False
        self._begin_object()

    def feed(self, piece: str) -> list[JsonValue]:
        """The claims that this piece completed, in order.

        Raises:
            UnreadableDraft: the object broke off after a claim, or the output is too long.
        """
        if len(self.text) < KEPT_CHARS:
            self.text = _NO_TEXT.sub("\ufffd", self.text + piece)[:KEPT_CHARS]
        claims: list[JsonValue] = []
        self._length += len(piece)
        if self._length > MAX_OUTPUT_CHARS:
            raise UnreadableDraft(claims)
        text, self._tail = self._tail + piece, ""
        position = 0
        while position < len(text) and self._state != "done":
            try:
                position = self._step(text, position, claims)
            except _Broken:
                if self._has_given or claims:
                    raise UnreadableDraft(claims) from None
                # It stood in prose; the draft may follow. Its bracket is behind us, so that what
                # holds a thousand of them is still read once.
                self._state = "outside"
                self._begin_object()
                position += 1
        self._has_given = self._has_given or bool(claims)
        return claims

    def _step(self, text: str, position: int, claims: list[JsonValue]) -> int:
        """Reads on from the position; where it stopped."""
        match self._state:
            case "outside":
                return self._search(_OPENING, text, position)
            case "thought":
                return self._search(_THOUGHT_END, text, position)
            case "opened":
                # A brace opens an object when a key follows it.
                space = _WHITE_SPACE.match(text, position)
                position = space.end() if space else position
                if position < len(text):
                    is_object = text[position] == '"'
                    self._state = "object" if is_object else "outside"
                    if is_object:
                        self._begin_object()
                return position
            case _ if self._is_in_string:
                return self._string(text, position)
            case _:
                return self._structure(text, position, claims)

    def _search(self, mark: re.Pattern[str], text: str, position: int) -> int:
        found = mark.search(text, position)
        if found is None:
            begun = _TAG_BEGUN.search(text, max(position, len(text) - _LONGEST_TAG + 1))
            self._tail = begun[0] if begun else ""
            return len(text)
        if found[0] == "{":
            self._state = "opened"
        else:
            self._state = "thought" if mark is _OPENING else "outside"
        return found.end()

    # --- Inside the object -----------------------------------------------------------------------

    def _begin_object(self) -> None:
        self.fields = {}
        self.is_closed = False
        self._is_in_claims = False
        self._has_claims = False
        self._begin_element()

    def _begin_element(self) -> None:
        """An element is what stands between two commas: a member of the object, or a claim."""
        self._parts: list[str] = []
        self._size = 0
        self._open_brackets: list[str] = []
        self._is_in_string = False
        self._is_escaped = False

    def _gather(self, part: str) -> None:
        self._size += len(part)
        if self._size > MAX_VALUE_CHARS:
            raise _Broken
        self._parts.append(part)

    def _string(self, text: str, position: int) -> int:
        if self._is_escaped:
            self._is_escaped = False
            self._gather(text[position])
            return position + 1
        found = _STRING_END.search(text, position)
        end = found.end() if found else len(text)
        self._gather(text[position:end])
        if found:
            self._is_escaped = found[0] == "\\"
            self._is_in_string = self._is_escaped
        return end

    def _structure(self, text: str, position: int, claims: list[JsonValue]) -> int:
        found = _STRUCTURE.search(text, position)
        self._gather(text[position : found.start() if found else len(text)])
        if found is None:
            return len(text)
        match found[0]:
            case '"':
                self._gather('"')
                self._is_in_string = True
            case "{" | "[" as bracket:
                self._open_bracket(bracket)
            case "}" | "]" as bracket:
                self._close_bracket(bracket, claims)
            case _ if self._open_brackets:
                self._gather(",")
            case _:
                self._end_element(claims)
        return found.end()

    def _open_bracket(self, bracket: str) -> None:
        is_member = not self._open_brackets and not self._is_in_claims
        if (
            bracket == "["
            and is_member
            and self._size <= _LONGEST_CLAIMS_KEY
            and _CLAIMS_KEY.fullmatch("".join(self._parts))
        ):
            self._is_in_claims = self._has_claims = True
            self._begin_element()
            return
        self._gather(bracket)
        self._open_brackets.append(_CLOSING[bracket])
        if len(self._open_brackets) > MAX_DEPTH:
            raise _Broken

    def _close_bracket(self, bracket: str, claims: list[JsonValue]) -> None:
        if self._open_brackets:
            if self._open_brackets.pop() != bracket:
                raise _Broken
            self._gather(bracket)
            if self._is_in_claims and not self._open_brackets:
                self._end_element(claims)
            return
        if (bracket == "]") != self._is_in_claims:
            raise _Broken
        self._end_element(claims)
        if self._is_in_claims:
            self._is_in_claims = False
            return
        self.is_closed = True
        is_draft = self._has_claims or not _DRAFT_KEYS.isdisjoint(self.fields)
        self._state = "done" if is_draft else "outside"

    def _end_element(self, claims: list[JsonValue]) -> None:
        written = "".join(self._parts).strip()
        self._begin_element()
        if not written:
            return
        try:
            if self._is_in_claims:
                claims.append(_readable(_DECODER.decode(written)))
            else:
                for key, value in _DECODER.decode(f"{{{written}}}").items():
                    self.fields[_NO_TEXT.sub("\ufffd", key)] = _readable(value)
        except ValueError:
            # Also an integer of more digits than Python reads.
            raise _Broken from None
        if len(self.fields) > MAX_FIELDS:
            raise _Broken


def _readable(value: JsonValue) -> JsonValue:
    """The value with a mark wherever it holds no text: NUL, or half a surrogate pair."""
    match value:
        case str():
            return _NO_TEXT.sub("\ufffd", value)
        case list():
            return [_readable(each) for each in value]
        case dict():
            return {_NO_TEXT.sub("\ufffd", key): _readable(each) for key, each in value.items()}
        case _:
            return value


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is no JSON")


# Not strict: a model that writes a line break into a string means one.
_DECODER: Final = json.JSONDecoder(strict=False, parse_constant=_refuse_constant)
