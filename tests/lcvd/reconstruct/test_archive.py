"""Archives of many clips' codes and masks: read back by id, stable when a clip comes, and nothing but that."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lcvd.face.codes import FaceCodes
from lcvd.ledger.rows import ClipError
from lcvd.reconstruct.archive import CLIPS, CODES, MASK, SHEETS, Packs, pack
from lcvd.studio.clip import StudioClip

LCVD = Path(sys.executable).with_name("lcvd")


def placed(folder: Path, ids: list[str]) -> Path:
    """What `reconstruct_chunk` places, as small files that tell whose they are."""
    for name, ending in (("codes", "safetensors"), ("masks", "mkv"), ("preview", "png")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for id in ids:
            (folder / name / f"{id}.{ending}").write_text(f"{name} of {id}")
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "packs").iterdir()}


@pytest.mark.parametrize("count", [1, CLIPS, 3 * CLIPS])
def test_every_clip_is_found_by_its_id(tmp_path: Path, count: int) -> None:
    ids = [f"clip-{i}" for i in range(count)]
    pack(placed(tmp_path / "placed", ids), tmp_path / "out", ids)
    packs = Packs(tmp_path / "out")
    for id in ids:
        assert packs.part(id, CODES) == f"codes of {id}".encode()
        assert packs.part(id, MASK) == f"masks of {id}".encode()
    assert len(bytes_of(tmp_path / "out")) == {1: 1, CLIPS: 1, 3 * CLIPS: 4}[count]


def test_the_bytes_are_the_files_alone_and_one_clip_more_changes_one_archive(tmp_path: Path) -> None:
    ids = [f"clip-{i}" for i in range(5 * CLIPS)]
    pack(placed(tmp_path / "placed", ids), tmp_path / "a", ids[:-1])
    pack(placed(tmp_path / "again", ids), tmp_path / "b", ids[-2::-1])
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    pack(tmp_path / "placed", tmp_path / "more", ids)
    before, after = bytes_of(tmp_path / "a"), bytes_of(tmp_path / "more")
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in before) == 1


def test_contact_sheets_of_some_are_there_to_be_looked_at(tmp_path: Path) -> None:
    ids = [f"clip-{i:04}" for i in range(SHEETS + 10)]
    pack(placed(tmp_path / "placed", ids), tmp_path / "out", ids)
    sheets = sorted(path.stem for path in (tmp_path / "out" / "preview").iterdir())
    assert sheets == ids[::2]
    pack(tmp_path / "placed", tmp_path / "few", ids[:3])
    assert len(list((tmp_path / "few" / "preview").iterdir())) == 3


def test_a_clip_that_isn_t_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"nobody.codes.safetensors is missing; run `dvc repro reconstruct` first"):
        Packs(tmp_path).part("nobody", CODES)
    pack(placed(tmp_path / "placed", ["a"]), tmp_path / "out", ["a"])
    with pytest.raises(ClipError, match="nobody"):
        Packs(tmp_path / "out").part("nobody", MASK)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("../a.mask.mkv", tarfile.REGTYPE), ("a.mask.mkv", tarfile.SYMTYPE), ("a.exe", tarfile.REGTYPE),
     ("a.mask.mkv", tarfile.GNUTYPE_SPARSE)],
)  # fmt: skip
def test_an_archive_of_an_enemy_is_refused(tmp_path: Path, name: str, kind: bytes) -> None:
    (tmp_path / "packs").mkdir()
    with tarfile.open(tmp_path / "packs" / "0000-of-0001.tar", "w:") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, "/etc/passwd", 0
        tar.addfile(member, io.BytesIO())
    with pytest.raises(ValueError, match=r"0000-of-0001\.tar"):
        Packs(tmp_path).part("a", MASK)


def test_a_torn_archive_is_named(tmp_path: Path) -> None:
    pack(placed(tmp_path / "placed", ["a", "b"]), tmp_path, ["a", "b"])
    [path] = (tmp_path / "packs").iterdir()
    path.write_bytes(path.read_bytes()[:515])
    with pytest.raises(ValueError, match=r"0000-of-0001\.tar.*dvc checkout reconstruct"):
        Packs(tmp_path).part("a", CODES)


def test_the_command_takes_one_clip_s_codes_out(tmp_path: Path) -> None:
    folder = placed(tmp_path / "placed", ["a"])
    truth = StudioClip("astronaut", frames=3, size=64).truth()
    truth.save(folder / "codes" / "a.safetensors", {})
    pack(folder, tmp_path / "data" / "reconstruct", ["a"])

    def run(id: str) -> subprocess.CompletedProcess[str]:
        argv = [LCVD, "face-codes", id, "-o", "got.safetensors", "--mask", "got.mkv"]
        return subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("a")
    assert (done.returncode, done.stdout) == (0, "got.safetensors: 3 frames\n"), done.stderr
    assert FaceCodes.load(tmp_path / "got.safetensors").pose.tobytes() == truth.pose.tobytes()
    assert (tmp_path / "got.mkv").read_text() == "masks of a"
    done = run("b")
    assert done.returncode == 1
    assert "`lcvd ledger b` shows what happened to the clip" in done.stderr


def test_more_archives_than_four_digits_count(tmp_path: Path) -> None:
    """From 524,289 clips on there are 16,384 archives: the number of them is read from any name."""
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "12345-of-16384.tar").touch()
    with pytest.raises(ClipError, match="-of-16384.tar"):
        Packs(tmp_path).part("a", CODES)
