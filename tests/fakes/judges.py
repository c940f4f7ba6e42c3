"""What a model writes that is asked to read claims, by how it behaves."""

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

BLOCK = re.compile(
    r"^<<(?P<fence>\S+) claim (?P<number>\d+)>>\n(?P<claim>.*?)\n<<(?P=fence) around>>\n"
    r"(?P<around>.*?)\n<<(?P=fence) cited>>\n(?P<cited>.*?)\n<<(?P=fence) end>>$",
    re.MULTILINE | re.DOTALL,
)
WORD = re.compile(r"\w+")


class Shown(NamedTuple):
    number: int
    claim: str
    cited: str


def is_asked_to_judge(messages: Sequence[str]) -> bool:
    return BLOCK.search("\n".join(messages)) is not None


def shown_claims(messages: Sequence[str]) -> list[Shown]:
    """The claims that a judge is shown, in order."""
    return [
        Shown(int(found["number"]), found["claim"], found["cited"])
        for found in BLOCK.finditer("\n".join(messages))
    ]


def judge(behaviour: str, messages: Sequence[str]) -> str:
    """The text that a judge of this behaviour writes."""
    return JUDGES[behaviour](shown_claims(messages))


def verdicts(told: Sequence[tuple[int, str, str | None]]) -> str:
    """The agreed form."""
    return json.dumps(
        {
            "verdicts": [
                {"claim": number, "verdict": verdict, "quote": quote}
                for number, verdict, quote in told
            ]
        }
    )


def _always(verdict: str, quote: Callable[[Shown], str | None]) -> Callable[[list[Shown]], str]:
    return lambda claims: verdicts([(each.number, verdict, quote(each)) for each in claims])


def closest_sentence(shown: Shown) -> str:
    said = set(WORD.findall(shown.claim.lower()))
    sentences = re.split(r"(?<=[.!?])\s+", shown.cited)
    return max(sentences, key=lambda each: len(said & set(WORD.findall(each.lower()))))


JUDGES: dict[str, Callable[[list[Shown]], str]] = {
    "agrees": _always("supported", closest_sentence),
    "disagrees": _always("unsupported", lambda _: None),
    "contradicts": _always("contradicted", closest_sentence),
    "invents_its_quote": _always("supported", lambda _: "Nobody has ever had any leave at all."),
    "quotes_nothing": _always("supported", lambda _: None),
    "says_more": lambda _: json.dumps({"verdicts": [], "sure": True}),
    "numbers_them_otherwise": lambda claims: verdicts(
        [(each.number + 1, "supported", closest_sentence(each)) for each in claims]
    ),
    "says_it_twice": lambda claims: verdicts(
        [(1, verdict, closest_sentence(claims[0])) for verdict in ("unsupported", "supported")]
    ),
    "chats": lambda _: "Yes, the claim is supported.",
}
