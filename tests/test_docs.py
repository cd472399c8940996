"""The documentation builds without warnings and includes all generated parts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lcvd.config.explain import keys
from lcvd.weights.registry import REGISTRY

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_setting_is_documented(site: Path) -> None:
    text = (site / "settings.html").read_text(encoding="utf-8")
    missing = [key.name for key in keys() if f"<code>{key.name.partition('.')[2] or key.name}</code>" not in text]
    assert not missing
    assert all(key.meaning for key in keys())


def test_every_published_weight_file_is_listed_with_its_licence(site: Path) -> None:
    text = (site / "licences.html").read_text(encoding="utf-8")
    for each in REGISTRY:
        assert f"<code>{each.file}</code>" in text
        assert each.licence in text


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        found = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?://[^\"]+)\"", text)
        assert not found, page.name


def test_every_page_is_in_the_navigation(site: Path) -> None:
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert not [page.name for page in (ROOT / "docs").glob("*.md") if page.name not in contents]
