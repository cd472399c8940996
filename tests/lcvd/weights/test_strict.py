"""Checkpoints are read without running code in them; NumPy scalars next to the tensors are accepted."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.weights.strict import ModelError, read_pickled


class Spy:
    """Calls a function when it is unpickled."""

    def __reduce__(self):
        return print, ("ran",)


def renamed(path: Path, old: bytes, new: bytes) -> Path:
    """The same checkpoint with a module's name replaced in its pickle, as if written by an older NumPy."""
    target = path.with_name("older.pth")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            data = source.read(name)
            out.writestr(name, data.replace(old, new) if name.endswith("data.pkl") else data)
    return target


def test_numpy_scalars_next_to_the_tensors_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.ones(2)}, "best": (np.float64(0.5), np.float32(0.25))}, path)
    assert torch.equal(read_pickled(path, "state_dict")["w"], torch.ones(2))
    older = renamed(path, b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert older.read_bytes() != path.read_bytes()
    assert torch.equal(read_pickled(older, "state_dict")["w"], torch.ones(2))


def test_code_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.ones(2)}, "spy": Spy()}, path)
    with pytest.raises(ModelError, match=r"a\.pth: not a checkpoint of tensors only"):
        read_pickled(path, "state_dict")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("grown", ["data.pkl", "data/0"])
def test_a_zip_bomb_is_rejected_before_decompression(tmp_path: Path, grown: str) -> None:
    path, bomb = tmp_path / "a.pth", tmp_path / "bomb.pth"
    torch.save({"w": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(bomb, "w") as out:
        for name in source.namelist():
            large = name.endswith(grown)
            data = source.read(name) + bytes(50_000_000 * large)
            out.writestr(name, data, zipfile.ZIP_DEFLATED if large else zipfile.ZIP_STORED)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(
        ModelError, match=rf"bomb\.pth: its member \S+{grown} is compressed \(\d+ bytes for 50000\d{{3}}\)"
    ):
        read_pickled(bomb)


def test_the_key_is_required_unless_the_file_is_the_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"w": torch.ones(2)}, path)
    assert set(read_pickled(path, "state_dict")) == {"w"}
    torch.save({"other": {"w": torch.ones(2)}}, path)
    with pytest.raises(ModelError, match=r"has no key 'state_dict'; its keys are other"):
        read_pickled(path, "state_dict")
    torch.save([1], path)
    with pytest.raises(ModelError, match="its content is a list"):
        read_pickled(path, "state_dict")
