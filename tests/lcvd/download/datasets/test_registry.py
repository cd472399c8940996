"""Download and location of annotation files; reading time for a full-size dataset."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from lcvd.cli.sources import sources
from lcvd.config.download import DownloadSettings
from lcvd.download.datasets.base import Annotation
from lcvd.download.datasets.registry import DATASETS, annotations_folder, fetch_annotations, read_dataset
from lcvd.download.manifest.files import read_manifests, write_manifest
from lcvd.ledger.rows import ClipError
from tests.packages import install

OPEN = DownloadSettings(allow_private=True, retries=0)
CLIP = {"ytb_id": "M2Ohb0FAaJU", "duration": {"start_sec": 1.04, "end_sec": 6.2},
        "bbox": {"top": 0.0, "bottom": 0.8815, "left": 0.1964, "right": 0.6922}}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LCVD_ANNOTATIONS", str(tmp_path / "annotations"))
    return tmp_path / "annotations"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "celebvhq_info.json").write_text(json.dumps({"clips": {"a_0": CLIP}}))
    handler = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    make = lambda *args: handler(*args, directory=str(tmp_path / "served"))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), make) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_files_are_fetched_once_and_checked_by_hash(tmp_path: Path, address: str) -> None:
    digest = sha256((tmp_path / "served" / "celebvhq_info.json").read_bytes()).hexdigest()
    annotation = Annotation("celebvhq_info.json", f"{address}/celebvhq_info.json", digest)
    known = replace(DATASETS.get("celebv-hq"), annotations=(annotation,))
    with pytest.raises(FileNotFoundError, match="celebvhq_info.json: missing; run `lcvd sources fetch celebv-hq`"):
        read_dataset(known)
    path = annotations_folder("celebv-hq") / "celebvhq_info.json"
    assert fetch_annotations(known, OPEN) == [(path, digest)]
    (tmp_path / "served" / "celebvhq_info.json").unlink()
    assert fetch_annotations(known, OPEN) == [(path, digest)]  # not requested again
    assert len(read_dataset(known).rows) == 1
    path.write_text("{}")
    with pytest.raises(ValueError, match=f"SHA-256 is [0-9a-f]+, expected {digest}; remove the file"):
        fetch_annotations(known, OPEN)


def test_a_dead_address_is_named_in_the_error(address: str) -> None:
    known = replace(DATASETS.get("hdtf"), annotations=(Annotation("x.txt", f"{address}/gone.txt"),))
    with pytest.raises(ClipError, match=r"gone\.txt: HTTP 404"):
        fetch_annotations(known, OPEN)


@pytest.mark.parametrize("name", ["vfhq", "ffhq", "talkinghead-1kh"])
def test_the_error_explains_a_manual_download(name: str, folder: Path) -> None:
    known = DATASETS.get(name)
    file = known.annotations[0].file
    for act in (lambda: fetch_annotations(known, OPEN), lambda: read_dataset(known)):
        with pytest.raises(FileNotFoundError) as caught:
            act()
        for part in (file, known.address, known.licence, str(folder / name / file), "LCVD_ANNOTATIONS"):
            assert part in str(caught.value)


def test_the_commands(tmp_path: Path, folder: Path) -> None:
    output = CliRunner().invoke(sources, ["datasets"]).output
    assert all(name in output and DATASETS.get(name).licence in output for name in DATASETS)
    (folder / "celebv-hq").mkdir(parents=True)
    bad = CLIP | {"bbox": None}
    (folder / "celebv-hq" / "celebvhq_info.json").write_text(json.dumps({"clips": {"a_0": CLIP, "b_0": bad}}))
    target = tmp_path / "manifests" / "c.csv"
    arguments = ["import", "celebv-hq", "-o", str(target)]
    refused = CliRunner().invoke(sources, arguments)
    assert "clip b_0, bbox.top: found None" in str(refused.exception)
    assert not target.exists()
    done = CliRunner().invoke(sources, [*arguments, "--skip"])
    assert "left out: celebvhq_info.json, line 1, clip b_0, bbox.top" in done.stderr
    assert f"{target}: 1 clips of 1 identities, 4 left out; licence: CelebV-HQ agreement" in done.stdout
    assert len(read_manifests(target.parent)) == 1
    assert "unknown dataset 'celebvhq'; did you mean 'celebv-hq'?" in str(
        CliRunner().invoke(sources, ["import", "celebvhq"]).exception
    )


PACKAGE = """
from lcvd.download.datasets.base import Annotation, Dataset, ImportResult

def read(path):
    result = ImportResult()
    for name in (path / "toy.txt").read_text().split():
        result.rows.append({"id": name, "identity": name, "address": f"local:{name}.mp4", "licence": "CC0", "dataset": "toy"})
    return result

TOY = Dataset("toy", "CC0", "https://toy.example", (Annotation("toy.txt"),), read)
"""


def test_an_installed_package_adds_a_dataset(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path, "toy-clips", "[lcvd.datasets]\ntoy = toy_clips:TOY\n", toy_clips=PACKAGE)
    assert "https://toy.example (CC0)" in CliRunner().invoke(sources, ["datasets"]).output
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "toy.txt").write_text("a b")
    output = tmp_path / "manifests" / "toy.csv"
    done = CliRunner().invoke(sources, ["import", "toy", "-o", str(output)])
    assert f"{output}: 2 clips of 2 identities, 0 left out; licence: CC0; read by toy-clips 1.0" in done.output
    assert [row.id for row in read_manifests(output.parent)] == ["a", "b"]


def test_a_full_size_dataset_is_read_in_seconds(tmp_path: Path) -> None:
    """Relative to the standard library's parser on the same file."""
    path = tmp_path / "celebvhq_info.json"
    clip = CLIP | {"attributes": {"appearance": [0, 1] * 20, "action": [0] * 35}}
    path.write_text(json.dumps({"clips": {f"M2Ohb0FAaJU_{n}": clip for n in range(36_000)}}))
    begin = time.process_time()
    json.loads(path.read_text())
    middle = time.process_time()
    assert write_manifest(tmp_path / "m.csv", read_dataset(DATASETS.get("celebv-hq"), path).rows) == 36_000
    assert time.process_time() - middle < 60 * (middle - begin)
