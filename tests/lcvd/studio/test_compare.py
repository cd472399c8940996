"""Errors against ground truth: zero for equal inputs, and as large as the change otherwise."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import whole_square
from lcvd.face.head import load_head
from lcvd.light.presets import ambient, lamp
from lcvd.studio.compare import errors

SIZE, FRAMES = 100, 3


def codes() -> FaceCodes:
    head = load_head()
    return FaceCodes(
        head=head.name,
        identity=np.zeros(len(head.identity_basis), np.float32),
        expression=np.zeros((FRAMES, len(head.expression_names)), np.float32),
        pose=np.full((FRAMES, 3), 0.05, np.float32),
        camera=np.tile(np.float32([1.2, 0, 0]), (FRAMES, 1)),
        light=np.tile(lamp((1, 0, 1)) + ambient(), (FRAMES, 1, 1)),
        crop=whole_square(np.array([0, 0, SIZE]), FRAMES),
        square=np.array([0, 0, SIZE], np.int32),
        confidence=np.ones(FRAMES, np.float32),
    )


def masks() -> np.ndarray:
    masks = np.zeros((FRAMES, SIZE, SIZE), np.uint8)
    masks[:, 20:80, 20:80] = 255
    return masks


def test_equal_inputs_have_no_errors() -> None:
    found = errors(codes(), codes(), masks(), masks())
    assert {name: values.shape for name, values in found.items()} == dict.fromkeys(found, (FRAMES,))
    for name, perfect in {"pose_deg": 0, "light_deg": 0, "coefficient": 0, "mask_iou": 1, "landmark": 0}.items():
        np.testing.assert_allclose(found[name], perfect, atol=0.05)


def test_each_error_is_as_large_as_the_change() -> None:
    truth, half = codes(), masks()
    half[:, :, 50:] = 0
    turned = (Rotation.from_rotvec([0, np.radians(5), 0]) * Rotation.from_rotvec(truth.pose)).as_rotvec()
    other = np.tile(1.5 * (lamp((-1, 0, 1)) + ambient()), (FRAMES, 1, 1))
    found = errors(truth.replace(pose=turned.astype(np.float32), light=other), truth, half, masks())
    np.testing.assert_allclose(found["pose_deg"], 5, atol=0.01)
    np.testing.assert_allclose(found["light_deg"], 90, atol=0.1)
    np.testing.assert_allclose(found["mask_iou"], 0.5)
    brighter = errors(truth.replace(light=1.5 * truth.light), truth, half, masks())
    np.testing.assert_allclose(brighter["coefficient"], 0.5, atol=1e-3)
    np.testing.assert_allclose(brighter["landmark"], 0, atol=1e-6)


def test_different_numbers_of_frames_are_rejected() -> None:
    with pytest.raises(ValueError, match="frames"):
        errors(codes(), codes(), masks()[:2], masks())
