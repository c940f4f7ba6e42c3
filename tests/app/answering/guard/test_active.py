"""What acts or hides in a claim must stand in its source."""

import pytest

from app.answering.guard.active import active_pieces, has_foreign_activity

SOURCE = (
    "The valve opens at 5 bar. The portal is https://intranet.example/portal?id=1, in a <b>box</b>."
)

ACTIVE = [
    "<img src=x>",
    "<img/src=x onerror=alert(1)>",
    "<svg/onload=alert(1)",
    "</i>",
    "<my-element onclick=x>",
    "<x-y/z>",
    "<!-- hidden -->",
    "<?php",
    "<http://evil.example>",
    "<ana@evil.example>",
    "\uff1cimg src=x\uff1e",
    "[site](http://x)",
    "![x](//x/a.png)",
    "[x]: //host",
    "[x]:\n//host/path",
    "```js",
    "~~~",
    "https://intranet.example/portal?id=2",
    "HTTP:\\\\evil",
    "//evil.example/x",
    "javascript:alert(1)",
    "mailto:ana@evil.example",
    "www.evil.example",
    "evil.example",
    "evil\uff0eexample",
    "evil\u3002example",
    "evil\uff61com/path",
    "xn--evil.xn--p1ai",
    "ana@evil.example",
    "\U000e0041\U000e0042",
    "\u202e",
    "\u2066",
    "\u200b",
    "\u00ad",
    "\ufe0f",
    "\U000e0100",
    "\u3164",
    "\x1b[31m",
    "\u2028",
    "\ue000",
]


@pytest.mark.parametrize("piece", ACTIVE)
def test_what_acts_or_hides_is_seen(piece: str) -> None:
    claim = f"The valve {piece} opens at 5 bar."

    assert list(active_pieces(claim))
    assert has_foreign_activity(claim, SOURCE)
    assert not has_foreign_activity(claim, f"{SOURCE} {piece}")


@pytest.mark.parametrize(
    "claim",
    [
        "The valve opens at 5 bar, e.g. at 3.5 bar (see 2.1.b), i.e. a < b and b > c.",
        "It costs EUR 5.00/piece; A/B tests, and/or, 10:30, s. S. 5, z.B. Nr. 3.",
        "The portal is https://intranet.example/portal?id=1.",
        'See "https://intranet.example/portal?id=1", in a <b>box</b>!',
        "\u4ed5\u4e8b\u3067\u3059\u3002\u6b21\u306e\u6587\u3067\u3059\u3002",
        "[1] and [2][3]\tare\nmarkers.",
        "AT&T: 5 * 3 = 15 ~ 16 # 4 | 7",
    ],
)
def test_what_does_nothing_or_stands_in_the_source_is_let_through(claim: str) -> None:
    assert not has_foreign_activity(claim, SOURCE)
