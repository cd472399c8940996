"""Which errors are expected; files that can't be written, by each library that writes."""

import ast
import builtins
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from lcvd.cache.imports import ROOT
from lcvd.errors import MachineError, MissingFile, UsageError, expected, machine_error
from lcvd.ledger.rows import Row, guard, kept

LIMITED = """
import resource, sys
from pathlib import Path
import av, numpy as np, pyarrow as pa, torch
from safetensors.torch import save_file
from lcvd.cache.store import Cache
from lcvd.errors import MachineError
from lcvd.ledger.rows import guard, kept, write_ledger
from lcvd.video.encode import write_h264, write_lossless

noise = np.random.default_rng(0).integers(0, 256, (30, 128, 128, 3), dtype=np.uint8)
makers = {
    "text": lambda folder: (folder / "a").write_text("x" * 200_000),
    "numpy": lambda folder: np.savez(folder / "a.npz", noise),
    "h264": lambda folder: write_h264(folder / "a.mp4", [noise], 25),
    "lossless": lambda folder: write_lossless(folder / "a.mkv", [noise], 25),
    "safetensors": lambda folder: save_file({"a": torch.from_numpy(noise)}, folder / "a.safetensors"),
    "ledger": lambda folder: write_ledger(folder / "a.parquet", [kept(f"{i:08}{hash(i * 7919)}") for i in range(20000)]),
}
cache = Cache(Path(sys.argv[1]) / "cache")
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
for name, make in makers.items():
    def work():
        cache.entry("kind", name * 8, make)
        return kept(name)
    try:
        print(name, guard(name, work, Path(sys.argv[1]) / "log").reason or "kept")
    except MachineError as error:
        print(name, "machine", error)
"""


def test_a_limit_on_files_stops_every_writer_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=300
    )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert set(said) == {"text", "numpy", "h264", "lossless", "safetensors", "ledger"}
    for name, text in said.items():
        assert text.startswith("machine "), (name, text)
        assert "files may not be that large here (ulimit -f); raise the limit, then run the same command again" in text
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_full_disk_ends_the_stage_instead_of_failing_the_clip(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    def work() -> Row:
        with Path("/dev/full").open("w") as stream:
            stream.write("x")
        return kept("a")

    with pytest.raises(MachineError, match="the disk is full; free space, then run the same command again"):
        guard("a", work, tmp_path / "log")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/data/x"), "the folder is read-only; make it writable"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "no permission"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
    ],
)
def test_what_the_machine_is_to_blame_for(error: OSError, said: str) -> None:
    found = machine_error(error)
    assert found is not None
    assert said in str(found)
    assert str(error.filename or "") in str(found)


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "no", "x"), ValueError("a"), OSError("odd")])
def test_other_errors_are_the_clip_s(error: Exception) -> None:
    assert machine_error(error) is None


def test_every_error_of_this_project_has_one_base() -> None:
    """No class has built-in exceptions alone as its bases, but one whose module may import nothing."""
    found = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for package in ("lcvd", "tasks", "flows")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.bases and all(map(_built_in, node.bases))
    ]
    assert found == ["lcvd/errors.py: LcvdError", "tasks/runtime/orphan_guard.py: DvcGone"]


def _built_in(base: ast.expr) -> bool:
    kind = getattr(builtins, base.id, None) if isinstance(base, ast.Name) else None
    return isinstance(kind, type) and issubclass(kind, BaseException)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UsageError("size: 3"), "size: 3"),
        (MissingFile("a.npy: no such file"), "a.npy: no such file"),
        (OSError(errno.ENOSPC, "No space left on device", "a.mp4"), "the disk is full"),
        (TypeError("a"), None),
        (ValueError("a"), None),
        (KeyError("a"), None),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a"), None),
    ],
)
def test_only_this_project_s_errors_and_the_machine_s_are_expected(error: Exception, message: str | None) -> None:
    found = expected(error)
    assert found is None if message is None else message in str(found)
