"""Checkpoints are read without running code in them; NumPy's numbers beside the tensors do no harm."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.weights.strict import ModelError, read_pickled


class Spy:
    """Runs a function when it is unpickled."""

    def __reduce__(self):
        return print, ("ran",)


def renamed(path: Path, old: bytes, new: bytes) -> Path:
    """The same checkpoint with a module's name in its pickle replaced: as an older NumPy would have written it."""
    target = path.with_name("older.pth")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            data = source.read(name)
            out.writestr(name, data.replace(old, new) if name.endswith("data.pkl") else data)
    return target


def test_scores_beside_the_tensors_are_admitted(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.ones(2)}, "best": (np.float64(0.5), np.float32(0.25))}, path)
    assert torch.equal(read_pickled(path, "state_dict")["w"], torch.ones(2))
    older = renamed(path, b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert older.read_bytes() != path.read_bytes()
    assert torch.equal(read_pickled(older, "state_dict")["w"], torch.ones(2))


def test_code_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.ones(2)}, "spy": Spy()}, path)
    with pytest.raises(ModelError, match=r"a\.pth: not a checkpoint of tensors alone"):
        read_pickled(path, "state_dict")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("grown", ["data.pkl", "data/0"])
def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path: Path, grown: str) -> None:
    path, bomb = tmp_path / "a.pth", tmp_path / "bomb.pth"
    torch.save({"w": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(bomb, "w") as out:
        for name in source.namelist():
            large = name.endswith(grown)
            data = source.read(name) + bytes(50_000_000 * large)
            out.writestr(name, data, zipfile.ZIP_DEFLATED if large else zipfile.ZIP_STORED)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(ModelError, match=rf"bomb\.pth: \S+{grown} in it is compressed, \d+ bytes for 50000\d{{3}}"):
        read_pickled(bomb)


def test_a_part_is_looked_for_unless_the_file_is_the_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"w": torch.ones(2)}, path)
    assert set(read_pickled(path, "state_dict")) == {"w"}
    torch.save({"other": {"w": torch.ones(2)}}, path)
    with pytest.raises(ModelError, match=r"has no part 'state_dict'; it holds other"):
        read_pickled(path, "state_dict")
    torch.save([1], path)
    with pytest.raises(ModelError, match="holds list"):
        read_pickled(path, "state_dict")
