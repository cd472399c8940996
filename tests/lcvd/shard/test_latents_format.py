"""The part of a sample that holds prepared latents."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from lcvd.shard.latents_format import Key, Origin, Prepared, PreparedError, read_header, read_rows

KEY = Key("a" * 64, "b" * 64, 64)
ORIGIN = Origin("c" * 64, 3, 5, 25.0, (1, 2, 64))


def rows(frames: int = 5) -> Prepared:
    rng = np.random.default_rng(0)
    mean, std, token = (rng.normal(size=(frames, *s)).astype(np.float16) for s in ((4, 8, 8), (4, 8, 8), (6,)))
    return Prepared(mean, std, token, rng.integers(0, 2, (frames, 8, 8)).astype(np.uint8))


def archive(folder: Path, data: bytes) -> tuple[Path, tuple[int, int]]:
    """The part somewhere inside a file, at an odd place."""
    path = folder / "archive"
    path.write_bytes(b"x" * 513 + data + b"y" * 100)
    return path, (513, len(data))


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    data = rows().to_bytes(KEY, ORIGIN)
    assert data == rows().to_bytes(KEY, ORIGIN), "equal latents, equal bytes"
    whole = load(data)  # any reader of safetensors can
    path, place = archive(tmp_path, data)
    header = read_header(path, place)
    assert (header.key, header.origin) == (KEY, ORIGIN)
    header.check(KEY, ORIGIN)
    found = read_rows(path, header, [4, 0, 0])
    for name, values in whole.items():
        np.testing.assert_array_equal(values, getattr(rows(), name))
        np.testing.assert_array_equal(values[[4, 0, 0]], getattr(found, name))
        np.testing.assert_array_equal(values[[4, 0, 0]], getattr(rows().take([4, 0, 0]), name))
    assert header.bytes_a_frame == sum(values[0].nbytes for values in whole.values())


@pytest.mark.parametrize("name", ["autoencoder", "image_encoder", "size"])
def test_another_key_is_named(tmp_path: Path, name: str) -> None:
    header = read_header(*archive(tmp_path, rows().to_bytes(KEY, ORIGIN)))
    with pytest.raises(PreparedError, match=f"of another {name} .*run `dvc repro shard`"):
        header.check(replace(KEY, **{name: 1}), ORIGIN)


@pytest.mark.parametrize("name", ["sha256", "start", "frames", "fps", "square"])
def test_another_origin_is_named(tmp_path: Path, name: str) -> None:
    header = read_header(*archive(tmp_path, rows().to_bytes(KEY, ORIGIN)))
    with pytest.raises(PreparedError, match=f"of another {name} .*run `dvc repro shard`"):
        header.check(KEY, replace(ORIGIN, **{name: 7}))


def test_what_is_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(PreparedError, match=r"no prepared latents: set shard\.prepare: true"):
        read_header(tmp_path, None)
    data = rows().to_bytes(KEY, ORIGIN)
    for torn in (data[:4], b"\0" * 500, b"\xff" * 500, data[:100], rows(4).to_bytes(KEY, ORIGIN)):
        with pytest.raises(PreparedError, match="can't be read"):
            read_header(*archive(tmp_path, torn))
    path, place = archive(tmp_path, data)
    header = read_header(path, place)
    path.write_bytes(path.read_bytes()[: place[1] // 2])
    with pytest.raises(PreparedError, match="are damaged"):
        read_rows(path, header, [4])


def test_numbers_that_arent_finite_are_neither_written_nor_read(tmp_path: Path) -> None:
    bad = rows()
    bad.std[2, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="std has values that aren't finite"):
        bad.to_bytes(KEY, ORIGIN)
    data = bytearray(rows().to_bytes(KEY, ORIGIN))
    path, place = archive(tmp_path, bytes(data))
    header = read_header(path, place)
    raw = bytearray(path.read_bytes())
    at = header.offsets["std"] + rows().std[:2].nbytes
    raw[at : at + 2] = np.float16("nan").tobytes()
    path.write_bytes(bytes(raw))
    read_rows(path, header, [0, 1, 3])
    with pytest.raises(PreparedError, match="std has values that aren't finite"):
        read_rows(path, header, [2])
