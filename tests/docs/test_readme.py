"""The Python program of README.md runs unchanged."""

import doc_pages as pages
import pytest
from cli_runner import same_environ

pytest.importorskip("rlctl.api")


def test_the_program_runs(monkeypatch, tmp_path) -> None:
    text = (pages.ROOT / "README.md").read_text()
    (code,) = [block for language, block in pages.blocks(text) if language == "python"]
    names: dict = {}
    monkeypatch.setenv("RLCTL_RUNS", str(tmp_path))
    with same_environ():
        exec(compile(code, "README.md", "exec"), names)
    assert names["report"].steps >= 30_000
    assert names["picture"].shape == (480, 640, 3)
