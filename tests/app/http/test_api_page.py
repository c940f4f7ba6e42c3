"""The page `/docs` and all it is made of come from the service itself."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import httpx
from typing_extensions import override

from tests.service import Service

LOADING = {"src", "href", "srcset", "data", "action"}


class References(HTMLParser):
    """What a page loads or links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in LOADING and value]


async def test_the_page_and_all_it_refers_to_come_from_the_service(service: Service) -> None:
    page = await service.http.get("/docs")
    references = References()
    references.feed(page.text)
    [description] = re.findall(r"url: '([^']*)'", page.text)

    assert len(references.found) == 3
    for path in (*references.found, description):
        assert re.fullmatch(r"/[^/].*", path)
        assert (await service.http.get(path)).status_code == httpx.codes.OK
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text)


async def test_the_page_may_load_nothing_from_elsewhere(service: Service) -> None:
    page = await service.http.get("/docs")

    policy = page.headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'self'"
    # One script is in the page, which its hash allows; no other is.
    assert re.fullmatch(r"'self' 'sha256-[A-Za-z0-9+/]{43}='", rules["script-src"])
    assert page.text.count("<script>") == 1
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_no_other_service_is_asked_to_judge_the_description(service: Service) -> None:
    page = await service.http.get("/docs")

    assert '"validatorUrl": null' in page.text
