from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lcvd.face.align import MODES, align
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place, placement, whole_square, with_placement
from lcvd.face.head import load_head

OPEN, DECA = "open-head/1", "flame-2020"


def _codes(pose, expression, head=OPEN, seed=0, square=(0, 0, 90)):
    draw = np.random.default_rng(seed).uniform
    t, square = len(pose), np.array(square, np.int32)
    return FaceCodes(
        head=head,
        identity=draw(size=4).astype(np.float32),
        expression=np.asarray(expression, np.float32),
        pose=np.asarray(pose, np.float32),
        camera=np.column_stack([draw(0.8, 1.5, t), draw(-0.2, 0.2, (t, 2))]).astype(np.float32),
        crop=whole_square(square, t),
        light=draw(size=(t, 9, 3)).astype(np.float32),
        square=square,
        confidence=draw(size=t).astype(np.float32),
    )


def _fixture(stored: dict[str, np.ndarray], names: list[str]) -> FaceCodes:
    rows = {key: np.stack([stored[f"in_{name}_{key}"] for name in names]) for key in ("exp", "pose", "cam", "light")}
    return FaceCodes(
        head=DECA,
        identity=stored[f"in_{names[0]}_shape"],
        expression=rows["exp"],
        pose=rows["pose"],
        camera=rows["cam"],
        crop=np.stack([stored[f"in_{name}_tform"] for name in names]),
        light=rows["light"],
        square=np.array([0, 0, 512], np.int32),
        confidence=np.ones(len(names), np.float32),
    )


@pytest.mark.golden
def test_golden_motion_alignment(golden_dir: Path) -> None:
    with np.load(golden_dir / "motion_alignment.npz") as file:
        stored = dict(file)
    names = sorted({key.split("_")[1] for key in stored if key.startswith("in_d")}, key=lambda name: int(name[1:]))
    reference, driving = _fixture(stored, ["ref"]), _fixture(stored, names)
    target = np.broadcast_to(stored["in_light_light"], (len(names), 9, 3))
    moved = {
        "relative": align(reference, driving, "relative-code").replace(light=target),
        "scale": align(reference, driving, "scale").replace(light=target),
        "self": align(reference, driving, "self"),
        "frame0": reference,
    }
    for mode, found in moved.items():
        for key, values in (
            ("exp", found.expression),
            ("pose", found.pose),
            ("cam", found.camera),
            ("tform", found.crop),
            ("light", found.light),
        ):
            wanted = stored[f"{mode}_{key}"].reshape(values.shape)
            np.testing.assert_allclose(values, wanted, atol=1e-6, rtol=0, err_msg=f"{mode} {key}")
        if mode != "self":
            shapes = np.atleast_2d(stored[f"{mode}_shape"])
            np.testing.assert_allclose(shapes, np.broadcast_to(found.identity, shapes.shape), atol=1e-6)
    for i, name in enumerate(names):  # a clip has one identity here; of a clip of one frame it is that frame's
        one = align(reference, _fixture(stored, [name]), "self")
        np.testing.assert_allclose(one.identity, stored["self_shape"][i], atol=1e-6)


@pytest.mark.parametrize("mode", ["track", "relative", "relative-code"])
def test_a_still_driving_face_leaves_the_portrait_where_it_is(mode: str) -> None:
    portrait = _codes([[0.1, 0.2, 0.3]], [[0.2, 0.4]])
    still = _codes([[0.5, -0.2, 0.1]], [[0.7, 0.1]], seed=1).window([0, 0, 0])
    moved = align(portrait, still, mode)
    assert np.allclose(moved.pose, portrait.pose, atol=1e-6)
    assert np.allclose(moved.camera, portrait.camera, atol=1e-6)
    assert np.allclose(moved.expression, portrait.expression if mode == "relative-code" else [[0.7, 0.1]])
    assert np.array_equal(moved.identity, portrait.identity)
    assert np.array_equal(moved.confidence, still.confidence)


def test_large_turns_compose_as_rotations_the_jaws_too() -> None:
    portrait = _codes([[0, 0, 0.4, 0.1, 0, 0]], [[0.0, 0.0]], DECA)
    driving = _codes([[0, 1.0, 0, 0, 0, 0], [0, 1.6, 0, 0.3, 0, 0]], [[0.0, 0.0], [-2.0, 1.5]], DECA, seed=1)
    wanted = Rotation.from_euler("y", 0.6) * Rotation.from_euler("z", 0.4)
    moved = align(portrait, driving, "relative")
    assert np.allclose(moved.pose[1, :3], wanted.as_rotvec(), atol=1e-6)
    assert np.allclose(moved.pose[1, 3:], [0.4, 0, 0], atol=1e-6)
    assert np.allclose(moved.expression[1], [-2.0, 1.5])  # FLAME's have no bounds


def test_expressions_of_the_open_head_stay_in_range() -> None:
    driving = _codes([[0, 0, 0]] * 2, [[0.0, 1.0], [1.0, 0.0]], seed=1)
    moved = align(_codes([[0, 0, 0]], [[0.9, 0.1]]), driving, "relative-code")
    assert np.allclose(moved.expression, [[0.9, 0.1], [1.0, 0.0]])
    free = driving.replace(head=DECA)
    moved = align(_codes([[0, 0, 0]], [[0.9, 0.1]], DECA), free, "relative-code")
    assert np.allclose(moved.expression, [[0.9, 0.1], [1.9, -0.9]])


@pytest.mark.parametrize("head", [OPEN, DECA])
def test_tracking_moves_the_head_in_its_own_sizes(head: str) -> None:
    """Whatever the crops: a driving head that moves one head's width and grows by half makes the portrait's do so."""
    draw = np.random.default_rng(3)
    driving = _codes([[0, 0, 0]] * 4, np.zeros((4, 2)), head, seed=1, square=(10, 20, 300))
    portrait = _codes([[0, 0, 0]], np.zeros((1, 2)), head, seed=2, square=(0, 0, 77))
    if head == DECA:  # each frame's crop lies elsewhere
        for codes in (driving, portrait):
            crop = codes.crop * draw.uniform(1, 2, (codes.frames, 1, 1)).astype(np.float32)
            crop[:, 2, 2] = 1
            crop[:, :2, 2] = draw.uniform(-90, 0, (codes.frames, 2))
            codes.crop[:] = crop
    moved = align(portrait, driving, "track")
    assert np.array_equal(moved.crop, np.repeat(portrait.crop, 4, 0))
    there, here, home = placement(driving), placement(moved), placement(portrait)[0]
    np.testing.assert_allclose(here[0], home, atol=1e-5)
    np.testing.assert_allclose(here[:, 0] - here[0, 0], there[:, 0] - there[0, 0], atol=1e-5)
    size_here, size_there = np.exp(here[0, 0]), np.exp(there[0, 0])
    moves = [(at[:, 1:] - at[0, 1:]) / size for at, size in ((here, size_here), (there, size_there))]
    np.testing.assert_allclose(*moves, atol=1e-5)
    still = align(portrait, driving, "relative")
    assert np.allclose(placement(still), home, atol=1e-5)


def test_a_portrait_driven_by_its_own_clip_repeats_it() -> None:
    draw = np.random.default_rng(0)
    own = _codes(draw.normal(0, 0.3, (5, 3)), draw.uniform(size=(5, 2)))
    for mode in MODES:
        moved = align(own, own, mode)
        assert np.allclose(moved.pose, own.pose, atol=1e-5), mode
        assert np.allclose(moved.expression, own.expression, atol=1e-6), mode
        follows = mode in ("track", "self")
        assert np.allclose(moved.camera, own.camera if follows else own.camera[:1], atol=1e-5), mode


def test_placement_is_where_the_models_origin_is_drawn() -> None:
    codes = _codes([[0, 0, 0]] * 3, np.zeros((3, 2)), DECA)
    codes.crop[:, :2, 2] -= 20
    points = np.array([[[0.0, 0, 0], [1, 0, 0]]] * 3)
    drawn, at = place(points, codes), placement(codes)
    np.testing.assert_allclose(drawn[:, 0, :2], at[:, 1:], atol=1e-6)
    np.testing.assert_allclose(drawn[:, 1, 0] - drawn[:, 0, 0], np.exp(at[:, 0]), atol=1e-6)
    np.testing.assert_allclose(with_placement(codes, at).camera, codes.camera, atol=1e-6)
    with pytest.raises(ValueError, match="scale in frame 1 is -1; it must be positive"):
        placement(codes.replace(camera=np.array([[1, 0, 0], [-1, 0, 0], [1, 0, 0]], np.float32)))


def test_models_must_agree_and_modes_exist() -> None:
    portrait = _codes([[0, 0, 0]], [[0.9, 0.1]])
    with pytest.raises(ValueError, match="reconstruct both"):
        align(portrait, _codes([[0, 0, 0]], [[0.0, 0.0]], DECA))
    with pytest.raises(ValueError, match="'follow' doesn't exist; choose one of track, relative"):
        align(portrait, portrait, "follow")


def test_the_open_head_follows_in_the_picture() -> None:
    head = load_head()
    pose, expression = np.zeros((2, 3)), np.zeros((2, len(head.expression_names)))
    driving = _codes(pose, expression).replace(camera=np.array([[1, 0, 0], [1, 0.5, 0]], np.float32))
    portrait = driving.window([0]).replace(camera=np.array([[0.5, 0, 0]], np.float32))
    moved = align(portrait, driving)
    vertices = head.vertices(np.zeros(len(head.identity_basis)), moved.expression, moved.pose)
    drawn = place(vertices, moved)[..., 0]
    width = np.ptp(drawn[0])
    wide = np.ptp(place(vertices, driving)[0, :, 0])
    assert np.allclose((drawn[1] - drawn[0]) / width, 0.5 / wide, atol=1e-5)
