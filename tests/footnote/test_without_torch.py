"""The service with the default model, where torch and what comes with it are not installed."""

import os
from pathlib import Path

import pytest

from tests.footnote.test_up import FERRY, first_key, home, running

__all__ = ["home"]

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc"),
]

OF_OTHER_MODELS = ("torch", "sentence_transformers", "transformers", "optimum", "nncf", "sklearn")

WATCHER = """
import os, sys
from pathlib import Path

class Watcher:
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {watched!r}:
            Path({folder!r}, str(os.getpid()) + "." + top).touch()
        if top in {absent!r}:
            raise ModuleNotFoundError("is not installed here", name=top)

sys.meta_path.insert(0, Watcher)
"""
"""A `sitecustomize` of every Python that the service starts: notes imports, and refuses some."""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def mapped(pid: int | None) -> str:
    """The libraries, among other things, in the process's memory."""
    return Path(f"/proc/{pid}/maps").read_text()


async def test_api_and_worker_ingest_and_answer_and_import_nothing_of_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site := tmp_path / "site").mkdir()
    (imports := tmp_path / "imports").mkdir()
    watched = (*OF_OTHER_MODELS, "openvino")
    (site / "sitecustomize.py").write_text(
        WATCHER.format(watched=watched, absent=OF_OTHER_MODELS, folder=str(imports))
    )
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)

    async with running(home) as up:
        key = await first_key(up)
        await up.upload(key, FERRY)
        response = await up.http.post(
            "/v1/answers",
            headers={"Authorization": f"Bearer {key}"},
            json={"question": "When does the ferry leave?"},
        )
        processes = {up.process.pid, up.worker_pid()}
        libraries = [mapped(pid) for pid in processes]

    assert response.json()["status"] == "answered"
    assert names(imports) == {f"{pid}.openvino" for pid in processes}
    assert all("libopenvino.so" in maps for maps in libraries)
    assert not any("libtorch" in maps for maps in libraries)
