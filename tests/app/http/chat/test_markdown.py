"""Escaped text, rendered, is the text: nothing in it is markup."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.http.chat.markdown import escape_markdown, unescape_markdown

RENDERERS = {
    "CommonMark": MarkdownIt("commonmark"),
    "tables and strikethrough": MarkdownIt("commonmark").enable(["table", "strikethrough"]),
}
PLAIN_TAG = re.compile(r"</?p>|<br />")
BLANK = re.compile(r"[ \t]*\n[\s]*")


def lines_of(text: str) -> list[str]:
    return [line.strip(" \t") for line in re.split(r"[\r\n]", text) if line.strip(" \t")]


def shown(text: str, renderer: MarkdownIt) -> list[str]:
    """The lines that a reader sees."""
    rendered = PLAIN_TAG.sub("", renderer.render(escape_markdown(text)))
    assert "<" not in rendered
    return lines_of(html.unescape(rendered))


CASES = [
    "Every employee has 31 days of leave.",
    "[site](http://evil.example) ![x](//evil.example/a.png) [x]: //evil.example",
    "[x]: //evil.example\n[x]",
    "<http://evil.example> <a@evil.example> <img/src=x> <my-tag> <!-- --> </b> a < b > c",
    "*a* **b** _c_ __d__ ~~e~~ ~f~ `g` ```h``` snake_case_name 2*3*4 5 * 6",
    "# Heading\n## Two ##\n#hash",
    "- item\n+ item\n* item\n1. one\n2) two\n2024. A year\n-5 degrees",
    "Title\n===\nOther\n---\n***\n___\n- - -",
    "> quoted\n    code\n\tcode\n~~~\ncode\n~~~",
    "| a | b |\n|---|---|\n| c | d |",
    "a | b\n:-: | -:\nc | d",
    "&lt;b&gt; &#60; &copy AT&T R&D;",
    "C:\\Users\\x \\\\server\\share \\* ends in \\",
    "two\n\n\nparagraphs\r\nand lines",
    "A_B, _A and A_ and __init__.py, \u00e9_\u00e9",
    "[^1] and [^1]: note",
]


@pytest.mark.parametrize("renderer", RENDERERS.values(), ids=RENDERERS)
@pytest.mark.parametrize("text", CASES)
def test_a_renderer_shows_the_text(text: str, renderer: MarkdownIt) -> None:
    assert shown(text, renderer) == lines_of(text)


active_text = st.text(
    st.sampled_from("\\`*_{}[]()#+-.!<>&|~=:;^$\"'/ \t\nab1\u00e9\u4e2d"), max_size=40
)


@given(text=active_text)
def test_whatever_the_text_is(text: str) -> None:
    for renderer in RENDERERS.values():
        assert shown(text, renderer) == lines_of(text)


@given(text=active_text)
def test_what_was_escaped_can_be_had_back(text: str) -> None:
    assert lines_of(unescape_markdown(escape_markdown(text))) == lines_of(text)


@pytest.mark.parametrize(
    "text",
    ["Costs EUR 5.00 (see p. 3), 50 % off!", "a-b + c = d; x_1 <= 5 & y > 6 | z", "C:\\Users #3"],
)
def test_what_does_nothing_is_left_alone(text: str) -> None:
    assert escape_markdown(text) == text
