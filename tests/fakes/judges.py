"""What a model writes that is asked to judge a claim, by how it behaves."""

import json
import re
from collections.abc import Callable, Sequence

CLAIM = re.compile(r"^<<(\S+) claim>>\n(?P<claim>.*?)\n<<\1 end>>$", re.MULTILINE | re.DOTALL)
SOURCE = re.compile(
    r"^<<(?P<fence>\S+) source \S+>>\n(?P<text>.*?)\n<<(?P=fence) end>>$", re.MULTILINE | re.DOTALL
)
WORD = re.compile(r"\w+")


def is_asked_to_judge(messages: Sequence[str]) -> bool:
    return CLAIM.search("\n".join(messages)) is not None


def judge(behaviour: str, messages: Sequence[str]) -> str:
    """The text that a judge of this behaviour writes."""
    return JUDGES[behaviour]("\n".join(messages))


def _agrees(shown: str) -> str:
    return _verdict("supported", _closest_sentence(shown))


def _closest_sentence(shown: str) -> str:
    match = CLAIM.search(shown)
    said = set(WORD.findall(match["claim"].lower())) if match else set()
    sentences = [
        sentence
        for block in SOURCE.finditer(shown)
        for sentence in re.split(r"(?<=[.!?])\s+", block["text"])
    ]
    return max(sentences, key=lambda each: len(said & set(WORD.findall(each.lower()))))


def _verdict(verdict: str, quote: str | None) -> str:
    return json.dumps({"verdict": verdict, "quote": quote})


JUDGES: dict[str, Callable[[str], str]] = {
    "agrees": _agrees,
    "disagrees": lambda _: _verdict("unsupported", None),
    "contradicts": lambda shown: _verdict("contradicted", _closest_sentence(shown)),
    "invents_its_quote": lambda _: _verdict("supported", "Nobody has ever had any leave at all."),
    "quotes_nothing": lambda _: _verdict("supported", None),
    "quotes_a_trifle": lambda _: _verdict("supported", "the"),
    "says_more": lambda _: json.dumps({"verdict": "supported", "quote": "a", "sure": True}),
    "chats": lambda _: "Yes, the claim is supported.",
}
