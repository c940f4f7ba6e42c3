"""Write the sample documents and their manifest: `python -m footnote.samples.build`.

The files are committed, so that the demo runs without the libraries that write them.
"""

from collections.abc import Callable
from pathlib import Path

from footnote.samples.blocks import Sample
from footnote.samples.corpus import SAMPLES
from footnote.samples.manifest import DOCUMENTS_FOLDER, MANIFEST_JSON, MANIFEST_PATH
from footnote.samples.render.as_csv import render_csv
from footnote.samples.render.as_docx import render_docx
from footnote.samples.render.as_html import render_html
from footnote.samples.render.as_markdown import render_markdown
from footnote.samples.render.as_pdf import render_pdf
from footnote.samples.render.as_pptx import render_pptx
from footnote.samples.render.as_text import render_text
from footnote.samples.render.as_xlsx import render_xlsx

RENDERER_BY_SUFFIX: dict[str, Callable[[Sample], bytes]] = {
    ".csv": render_csv,
    ".docx": render_docx,
    ".html": render_html,
    ".md": render_markdown,
    ".pdf": render_pdf,
    ".pptx": render_pptx,
    ".txt": render_text,
    ".xlsx": render_xlsx,
}


def build_documents(folder: Path) -> None:
    """Write every sample document into the folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        path = folder / sample.entry.file
        path.write_bytes(RENDERER_BY_SUFFIX[path.suffix](sample))


def build_manifest() -> bytes:
    """The manifest of all sample documents as JSON."""
    entries = [sample.entry for sample in SAMPLES]
    return MANIFEST_JSON.dump_json(entries, indent=2, exclude_none=True) + b"\n"


def main() -> None:
    """Write the documents and the manifest where they are committed."""
    build_documents(DOCUMENTS_FOLDER)
    MANIFEST_PATH.write_bytes(build_manifest())


if __name__ == "__main__":
    main()
