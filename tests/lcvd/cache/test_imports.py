import subprocess
import sys

from lcvd.cache.imports import ROOT, closure, direct_imports, rooms, rooms_hash


def test_direct_imports_are_found_in_functions_too():
    assert "lcvd.ledger.rows" in direct_imports("lcvd.cli.main")
    assert "lcvd.config.settings" in direct_imports("lcvd.config.io")


def test_the_closure_contains_what_python_really_loads():
    code = "import sys, lcvd.video.clip; print(*[m for m in sys.modules if m.split('.')[0] == 'lcvd'])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout.split()
    packages = {name.rsplit(".", 1)[0] for name in closure("lcvd.video.clip")} | {"lcvd"}
    assert set(loaded) - packages == set(closure("lcvd.video.clip"))


def test_rooms_are_folders_of_lcvd():
    assert rooms("lcvd.video.clip") == {"lcvd/video", "lcvd/ledger"}


def test_the_hash_is_stable_and_differs_between_modules():
    assert rooms_hash("lcvd.video.clip") == rooms_hash("lcvd.video.clip")
    assert rooms_hash("lcvd.video.clip") != rooms_hash("lcvd.config.io")
