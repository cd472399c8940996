import numpy as np
import pytest
from safetensors.numpy import save_file

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import whole_square


def codes(frames=5, seed=0):
    draw = np.random.default_rng(seed).random
    return FaceCodes(
        head="open-head/1",
        identity=draw(7).astype(np.float32),
        expression=draw((frames, 52)).astype(np.float32),
        pose=draw((frames, 3)).astype(np.float32),
        camera=draw((frames, 3)).astype(np.float32),
        light=draw((frames, 9, 3)).astype(np.float32),
        crop=whole_square(np.array([3, 4, 100]), frames),
        square=np.array([3, 4, 100], np.int32),
        confidence=np.ones(frames, np.float32),
    )


def test_codes_survive_the_file_and_equal_codes_give_equal_bytes(tmp_path):
    before = codes()
    before.save(tmp_path / "a.safetensors", {"b": 1, "a": 2})
    before.save(tmp_path / "b.safetensors", {"a": 2, "b": 1})
    after = FaceCodes.load(tmp_path / "a.safetensors")
    assert after.head == before.head
    for name in ("identity", "expression", "pose", "camera", "crop", "light", "square", "confidence"):
        assert np.array_equal(getattr(after, name), getattr(before, name)), name
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_window_keeps_the_identity():
    window = codes().window([4, 0])
    assert window.frames == 2
    assert np.array_equal(window.pose, codes().pose[[4, 0]])
    assert np.array_equal(window.identity, codes().identity)


def test_shapes_and_values_are_checked():
    with pytest.raises(ValueError, match=r"camera has shape \(4, 3\), expected \(5, 3\)"):
        codes().replace(camera=np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match="light has values that aren't finite"):
        codes().replace(light=np.full((5, 9, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match="pose has 4 columns, expected 3"):
        codes().replace(pose=np.zeros((5, 4), np.float32))


def test_a_foreign_file_is_named(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_text("text")
    with pytest.raises(ValueError, match=r"x\.safetensors: not a face-codes file"):
        FaceCodes.load(path)
    save_file({"pose": np.zeros((2, 3), np.float32)}, path, {"lcvd": '{"head": "h"}'})
    with pytest.raises(ValueError, match=r"fields \['pose'\], expected"):
        FaceCodes.load(path)
