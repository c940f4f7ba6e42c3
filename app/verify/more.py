"""The line that ends a list told in part: how many more items there are, and where."""

import re
from typing import Final

_FORMS: Final = {
    "en": "and {count} more in {where}",
    "de": "und {count} weitere in {where}",
    "fr": "et {count} autres dans {where}",
}
_LINE: Final = re.compile(
    r"\n(?:and (\d{1,5}) more in|und (\d{1,5}) weitere in|et (\d{1,5}) autres dans)"
    r" ([^\n]{1,300})\Z"
)


def tell_more(count: int, where: str, language: str | None) -> str:
    """`and 7 more in Packing list`, in the document's language if it is one of three."""
    form = _FORMS.get((language or "en")[:2], _FORMS["en"])
    return form.format(count=count, where=" ".join(where.split()))


def split_more(claim: str) -> tuple[str, int, str]:
    """The claim without that line, the count and the place that it says; 0 and "" without one."""
    match = _LINE.search(claim)
    if match is None:
        return claim, 0, ""
    count = next(int(each) for each in match.groups()[:3] if each)
    return claim[: match.start()], count, match[4]
