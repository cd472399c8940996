import pickle
from pathlib import Path

import numpy as np
import pytest

from lcvd.face.flame import Flame, load_flame, rendered_region
from lcvd.face.pickles import PickleRefused
from lcvd.weights.registry import find_weights
from tests.flame_files import arrays, template, write_flame


@pytest.fixture(scope="module")
def stored(golden_dir: Path) -> dict[str, np.ndarray]:
    with np.load(golden_dir / "flame.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def flame(stored: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Flame:
    return load_flame(*write_flame(tmp_path_factory.mktemp("flame"), int(stored["seed"]), stored["faces"]))


@pytest.mark.golden
def test_golden_flame_vertices(stored: dict[str, np.ndarray], flame: Flame) -> None:
    made = arrays(int(stored["seed"]))
    np.testing.assert_allclose(template()[0], stored["v_template"], atol=1e-12)
    for name in ("shapedirs", "posedirs"):
        sums = [made[name].sum(), np.abs(made[name]).sum()]
        np.testing.assert_allclose(sums, stored[f"{name}_sum"], rtol=1e-6)
    np.testing.assert_allclose(made["J_regressor"][:, :10], stored["J_regressor_head"], atol=1e-12)
    np.testing.assert_allclose(made["weights"][:10], stored["weights_head"], atol=1e-12)
    for i in range(len(stored["pose"])):
        found = flame.vertices(*(stored["shape"][i], stored["exp"][i : i + 1], stored["pose"][i : i + 1]))
        np.testing.assert_allclose(found[0], stored["vertices"][i], atol=3e-6, rtol=0)


def test_frames_do_not_mix(stored: dict[str, np.ndarray], flame: Flame) -> None:
    together = flame.vertices(stored["shape"][0], stored["exp"], stored["pose"])
    assert together.dtype == np.float32
    for i in range(len(together)):
        alone = flame.vertices(stored["shape"][0], stored["exp"][i : i + 1], stored["pose"][i : i + 1])
        np.testing.assert_allclose(together[i], alone[0], atol=1e-6)


def test_the_region_counts_each_triangles_vertices(flame: Flame) -> None:
    faces = np.array([[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8], [1, 2, 9]])
    shown, weights = rendered_region(faces, np.array([1, 2, 3, 0]), 10)
    assert shown.tolist() == [[0, 1, 2], [2, 3, 4], [1, 2, 9]]
    assert weights.tolist() == [3, 2, 2]
    front = set(np.flatnonzero(template()[0][:, 2] > 0.02).tolist())
    assert all(front & set(face) for face in flame.hint_faces.tolist())
    assert set(flame.hint_weights.tolist()) == {1, 2, 3}


def test_five_points_are_eyes_nose_and_mouth(flame: Flame) -> None:
    right, left, nose, right_corner, left_corner = flame.five_points(flame.template[None])[0]
    assert right[0] < -0.02 < 0.02 < left[0]
    assert right_corner[0] < nose[0] + 1e-3 < left_corner[0] + 2e-3
    assert nose[2] == pytest.approx(flame.template[:, 2].max(), abs=1e-3)
    assert right_corner[1] < nose[1] < right[1]


def test_the_published_region() -> None:
    """Spec J6."""
    model, masks = find_weights("flame"), find_weights("flame-masks")
    if not (model and masks):
        pytest.skip("FLAME's files are licensed: put generic_model.pkl and FLAME_masks.pkl into LCVD_WEIGHTS/flame")
    head = load_flame(model, masks)
    assert len(head.template) == 5023
    assert len(head.hint_faces) == 3760
    assert [int((head.hint_weights == n).sum()) for n in (3, 2, 1)] == [3408, 174, 178]
    assert len(np.unique(head.hint_faces)) == 1965
    assert head.hint_faces.max() < 3931


def test_a_field_that_is_missing_or_does_not_fit_is_named(tmp_path: Path) -> None:
    model, masks = write_flame(tmp_path, 0)
    whole = arrays(0)
    for key in ("weights", "kintree_table"):
        model.write_bytes(pickle.dumps({name: value for name, value in whole.items() if name != key}))
        with pytest.raises(PickleRefused, match=rf"generic_model\.pkl: has no '{key}'"):
            load_flame(model, masks)
    model.write_bytes(pickle.dumps(whole | {"weights": np.zeros((300, 4))}))
    with pytest.raises(PickleRefused, match=r"weights is \(300, 4\), expected \(300, 5\)"):
        load_flame(model, masks)
    model.write_bytes(pickle.dumps(whole))
    for wrong in (np.array([300]), np.array([-1]), np.zeros(0, int)):
        masks.write_bytes(pickle.dumps({"face": wrong}))
        with pytest.raises(PickleRefused, match=r"FLAME_masks\.pkl: region 'face' has vertex indices outside 0 to 299"):
            load_flame(model, masks)
    masks.write_bytes(pickle.dumps({"nose": np.arange(3)}))
    with pytest.raises(PickleRefused, match=r"FLAME_masks\.pkl: has no region 'face'; its regions are nose"):
        load_flame(model, masks)
