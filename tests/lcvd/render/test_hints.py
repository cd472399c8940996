from pathlib import Path

import numpy as np
import pytest

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place, whole_square
from lcvd.face.head import load_head
from lcvd.light.presets import orbit, preset
from lcvd.render.hints import Hints, hints_of, shade_surface, surface_of, to_uint8


@pytest.mark.golden
def test_golden_shading_pixels(golden_dir: Path) -> None:
    """The published renderer through real PyTorch3D: coverage, facing, normals, shading, truncation."""
    stored = np.load(golden_dir / "shading.npz")
    ndc = stored["image_space_vertices_before_z10"] + np.array([0, 0, 10], np.float32)
    unique, counts = np.unique(np.sort(stored["face_list"]), return_counts=True)
    faces = stored["faces"][unique]
    size = stored["coverage"].shape[-1]
    surface = surface_of(stored["posed_vertices"], ndc, faces, size, counts)
    raw = shade_surface(surface, stored["light"])
    for case in range(len(ndc)):
        coverage, alpha = stored["coverage"][case].astype(bool), stored["alpha"][case].astype(bool)
        assert (surface.fragments.coverage[case] != coverage).mean() <= 0.002
        assert (surface.alpha[case] != alpha).mean() <= 0.002
        common = surface.fragments.coverage[case] & coverage
        gap = np.abs(surface.normals[case] - stored["normal_image"][case].astype(np.float32))[common]
        assert np.percentile(gap, 99.9) < 2e-3  # stored in float16
        error = np.abs(raw[case] - stored["shaded_raw"][case])[common]
        assert np.percentile(error, 99.9) <= 1e-3
        pixels = to_uint8(raw[case]).astype(int) - stored["shaded_u8"][case]
        assert np.abs(pixels).mean() <= 0.25


@pytest.mark.golden
def test_golden_shading_rejects_what_would_be_wrong(golden_dir: Path) -> None:
    """The tolerances see a renderer without face weights, and one with y turned round."""
    stored = np.load(golden_dir / "shading.npz")
    ndc = stored["image_space_vertices_before_z10"] + np.array([0, 0, 10], np.float32)
    faces = stored["faces"][np.unique(stored["face_list"])]
    for wrong in (ndc, ndc * np.array([1, -1, 1], np.float32)):
        surface = surface_of(stored["posed_vertices"], wrong, faces, stored["coverage"].shape[-1])
        error = np.abs(shade_surface(surface, stored["light"]) - stored["shaded_raw"])[stored["coverage"] > 0]
        assert np.percentile(error, 99.9) > 1e-3


def codes_of(frames: int) -> FaceCodes:
    head = load_head()
    random = np.random.default_rng(0)
    return FaceCodes(
        head=head.name,
        identity=random.normal(0, 0.5, len(head.identity_basis)).astype(np.float32),
        expression=random.uniform(0, 0.4, (frames, len(head.expression_names))).astype(np.float32),
        pose=random.normal(0, 0.2, (frames, 3)).astype(np.float32),
        camera=np.tile(np.array([1.2, 0, 0.1], np.float32), (frames, 1)),
        light=orbit(frames),
        crop=whole_square(np.array([0, 0, 96]), frames),
        square=np.array([0, 0, 96], np.int32),
        confidence=np.ones(frames, np.float32),
    )


def test_windows_are_the_whole_clip() -> None:
    head, codes = load_head(), codes_of(7)
    windows = list(hints_of(head, codes, 96, window=3))
    assert [len(window) for window in windows] == [3, 3, 1]
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    surface = surface_of(vertices, place(vertices, codes), head.hint_faces, 96)
    whole = to_uint8(shade_surface(surface, codes.light))
    np.testing.assert_array_equal(np.concatenate(windows), whole)
    assert whole.dtype == np.uint8
    assert 0.05 < (whole.max(-1) > 0).mean() < 0.6
    assert (whole[:, 0] == 0).all()


def test_another_light_keeps_the_shape_and_moves_the_shade() -> None:
    head, codes = load_head(), codes_of(2)
    left, right = (np.concatenate(list(hints_of(head, codes, 96, preset(name)))) for name in ("left", "right"))
    np.testing.assert_array_equal(left.max(-1) > 0, right.max(-1) > 0)
    columns = np.arange(96)
    for t in range(2):
        weight = [(images[t].sum(-1) * columns).sum() / images[t].sum() for images in (left, right)]
        assert weight[0] < weight[1] - 3
    per_frame = np.stack([preset("left"), preset("right")])
    mixed = np.concatenate(list(hints_of(head, codes, 96, per_frame, window=1)))
    np.testing.assert_array_equal(mixed, np.stack([left[0], right[1]]))


def test_hints_can_be_had_a_few_at_a_time() -> None:
    head, codes = load_head(), codes_of(11)
    lights = np.stack([preset("left") * (1 + t / 10) for t in range(11)]).astype(np.float32)
    whole = np.concatenate(list(hints_of(head, codes, 96, lights)))
    some = Hints(head, codes, 96, lights)
    assert len(some) == 11
    np.testing.assert_array_equal(some[np.array([9, 2, 2])], whole[[9, 2, 2]])
    np.testing.assert_array_equal(some[range(4, 7)], whole[4:7])
    np.testing.assert_array_equal(np.concatenate(list(some.windows(4))), whole)
    np.testing.assert_array_equal(
        Hints(head, codes, 96, lights[0])[[10]], next(hints_of(head, codes.window([10]), 96, lights[0]))
    )


def test_truncation() -> None:
    np.testing.assert_array_equal(
        to_uint8(np.array([-0.2, 0.0, 0.999, 1.0, 3.0, 254.9 / 255])), [0, 0, 254, 255, 255, 254]
    )
