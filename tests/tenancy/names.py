"""What callers can name in a request, and what they are shown for it.

A request that names something hidden must be answered as if the thing did not exist.
"""

import json
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from uuid import UUID, uuid4

import httpx
from pydantic import JsonValue

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, kw_only=True)
class Names:
    """All by which a document and what hangs on it can be asked for; every value is unique."""

    document: str
    job: str
    answer: str
    external_id: str
    collection: str
    title: str
    source_uri: str
    metadata: str
    filename: str
    principal: str
    word: str
    source: str

    @property
    def text(self) -> str:
        """The document's bytes, of one length for all names."""
        said = f"The {self.word} bonus of the travel desk is paid in April."
        return f"# Bonus\n\n{said}\n\n| Desk | Bonus |\n| --- | --- |\n| Travel | {self.word} |\n"

    @property
    def words(self) -> list[str]:
        """The values that are no ids."""
        return [value for name, value in asdict(self).items() if name not in IDS]


IDS = frozenset({"document", "job", "answer"})


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A response without what differs between any two equal requests."""

    status: int
    body: JsonValue
    header_names: tuple[str, ...]
    content_type: str | None


def fresh_names() -> Names:
    """Names of something that never existed."""
    return Names(
        document=str(uuid4()),
        job=str(uuid4()),
        answer=str(uuid4()),
        external_id=_word("ext"),
        collection=_word("col"),
        title=_word("tit"),
        source_uri=f"https://{_word('uri')}.example",
        metadata=_word("met"),
        filename=f"{_word('fil')}.md",
        principal=f"group:{_word('pri')}",
        word=_word("txt"),
        source=_word("src"),
    )


def never_existing(names: Names) -> Names:
    """Fresh names whose ids stand where those of `names` stand in any order by id."""
    return replace(
        fresh_names(),
        document=_neighbour(names.document),
        job=_neighbour(names.job),
        answer=_neighbour(names.answer),
    )


def shown(response: httpx.Response, names: Names) -> Shown:
    """What the caller sees, the names in it replaced by what they name."""
    text = response.text
    for name, value in asdict(names).items():
        text = text.replace(value, f"<{name}>")
    for pattern, mark in ((_UUID, "<uuid>"), (_TIME, "<time>"), (_SHA256, "<sha256>")):
        text = pattern.sub(mark, text)
    content_type = response.headers.get("content-type")
    return Shown(
        status=response.status_code,
        body=_comparable(json.loads(text)) if "json" in (content_type or "") else text,
        header_names=tuple(sorted(response.headers.keys())),
        content_type=content_type,
    )


def _comparable(body: JsonValue) -> JsonValue:
    if not isinstance(body, Mapping):
        return body
    return {
        name: _comparable(value)
        for name, value in body.items()
        if name not in {"request_id", "timings_ms"}
    }


def _word(start: str) -> str:
    # The digit keeps the stemmer away: the word is its own term.
    return f"{start}7{''.join(secrets.choice(string.ascii_lowercase) for _ in range(12))}"


def _neighbour(uuid: str) -> str:
    return str(UUID(int=UUID(uuid).int ^ 1))
