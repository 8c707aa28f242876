"""What the program makes of itself for the docs is not stale."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py") if path.name != "generated.py")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("script", SCRIPTS)
def test_generated_pages_are_not_stale(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), "--check"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated", ROOT / "scripts" / "generated.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_a_stale_page_is_said_so_and_written(
    generated: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("old")
    assert generated.keep({page: "new"}, ["--check"]) == 1
    assert "page.md is stale" in capsys.readouterr().err
    assert page.read_text() == "old"
    assert generated.keep({page: "new"}, []) == 0
    assert page.read_text() == "new"
    assert generated.keep({page: "new"}, ["--check"]) == 0


def test_a_block_is_put_between_its_comments_alone(generated: ModuleType) -> None:
    text = "# it\n\n<!-- keys -->\nold\n<!-- /keys -->\nend\n"
    assert generated.between(text, "keys", "new") == "# it\n\n<!-- keys -->\nnew\n<!-- /keys -->\nend\n"
    with pytest.raises(ValueError, match="unpack"):
        generated.between(text, "speed", "new")
