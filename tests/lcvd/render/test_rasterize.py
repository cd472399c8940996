import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lcvd.errors import UsageError
from lcvd.render import rasterize as module
from lcvd.render.rasterize import choose_backend, interpolate, pytorch3d_trouble, rasterize


def brute_force(vertices: Any, faces: Any, size: int) -> tuple[Any, Any, Any]:
    """Every face against every pixel, by solving for the barycentrics: an independent z-buffer of one frame."""
    centre = 2 * (np.arange(size) + 0.5) / size - 1
    points = np.stack([*np.meshgrid(centre, centre), np.ones((size, size))], axis=0).reshape(3, -1)
    best = np.full(size * size, np.inf)
    index, bary = np.full(size * size, -1), np.full((size * size, 3), -1.0)
    for number, face in enumerate(faces):
        corners = vertices[face].astype(float)
        matrix = np.vstack([corners[:, :2].T, np.ones(3)])
        if abs(np.linalg.det(matrix)) < 1e-8:
            continue
        weights = np.linalg.solve(matrix, points)
        z = corners[:, 2] @ weights
        hit = (weights > 0).all(0) & (z >= 0) & (z < best)
        best[hit], index[hit], bary[hit] = z[hit], number, weights.T[hit]
    return index.reshape(size, size), bary.reshape(size, size, 3), best.reshape(size, size)


def soup(seed: int, frames: int = 2, count: int = 60) -> tuple[Any, Any]:
    """Random triangles of both windings, partly outside the picture and partly behind the camera."""
    random = np.random.default_rng(seed)
    vertices = random.uniform(-1.4, 1.4, (frames, count, 3)).astype(np.float32)
    vertices[..., 2] += 1.2
    return vertices, random.integers(0, count, (80, 3))


@pytest.mark.parametrize("size", [1, 7, 48])
def test_equals_brute_force(size: int) -> None:
    vertices, faces = soup(size)
    found = rasterize(vertices, faces, size, "numba")
    for t in range(len(vertices)):
        index, bary, depth = brute_force(vertices[t], faces, size)
        assert (found.face_index[t] == index).mean() > 0.9999
        same = found.face_index[t] == index
        np.testing.assert_allclose(found.bary[t][same], bary[same], atol=2e-5)
        seen = same & (index >= 0)
        np.testing.assert_allclose(found.depth[t][seen], depth[seen], atol=2e-5)
        assert (found.depth[t][found.face_index[t] < 0] == -1).all()


def test_pixel_centres_and_edges() -> None:
    """A square of two triangles whose left and top edges run through pixel centres: those are not covered."""
    corners = np.array([[-0.75, -0.75, 1], [0.5, -0.75, 1], [0.5, 0.5, 1], [-0.75, 0.5, 1]], np.float32)[None]
    found = rasterize(corners, np.array([[0, 1, 2], [0, 2, 3]]), 4, "numba")
    covered = found.coverage[0]  # centres at -0.75, -0.25, 0.25, 0.75; the diagonal is an edge too
    assert covered.tolist() == [[False] * 4, [False, False, True, False], [False, True, False, False], [False] * 4]


def test_nearer_wins_and_winding_does_not_matter() -> None:
    near = np.array([[-1, -1, 1], [3, -1, 1], [-1, 3, 1]], np.float32)
    vertices = np.concatenate([near + np.array([0, 0, 1], np.float32), near])[None]
    for faces in ([[0, 1, 2], [3, 4, 5]], [[0, 2, 1], [5, 4, 3]], [[3, 4, 5], [0, 1, 2]]):
        found = rasterize(vertices, np.array(faces), 8, "numba")
        nearer = next(i for i, face in enumerate(faces) if 3 in face)
        assert (found.face_index == nearer).all()
        assert (found.depth == 1).all()


def test_interpolation_is_linear() -> None:
    vertices, faces = soup(3, frames=1)
    found = rasterize(vertices, faces, 32, "numba")
    values = interpolate(found, faces, vertices)[0]
    centre = (2 * (np.arange(32) + 0.5) / 32 - 1).astype(np.float32)
    seen = found.coverage[0]
    np.testing.assert_allclose(values[..., 0][seen], np.broadcast_to(centre, (32, 32))[seen], atol=1e-5)
    np.testing.assert_allclose(values[..., 1][seen], np.broadcast_to(centre[:, None], (32, 32))[seen], atol=1e-5)
    np.testing.assert_allclose(values[..., 2][seen], found.depth[0][seen], atol=1e-5)
    assert (values[~seen] == 0).all()


def test_same_bytes_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    vertices, faces = soup(5, frames=5)
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        results.append(rasterize(vertices, faces, 40, "numba"))
    assert results[0].bary.tobytes() == results[1].bary.tobytes()
    assert results[0].face_index.tobytes() == results[1].face_index.tobytes()


def test_bad_input_is_named() -> None:
    vertices, faces = soup(1)
    with pytest.raises(ValueError, match="frames first"):
        rasterize(vertices[0], faces, 8)
    with pytest.raises(ValueError, match="the mesh has 60"):
        rasterize(vertices, faces + 1, 8)
    with pytest.raises(ValueError, match="at least 1 pixel"):
        rasterize(vertices, faces, 0)
    with pytest.raises(ValueError, match="'opengl' doesn't exist"):
        rasterize(vertices, faces, 8, "opengl")  # type: ignore[arg-type]


def test_nan_vertices_draw_nothing() -> None:
    vertices, faces = soup(1)
    assert not rasterize(np.full_like(vertices, np.nan), faces, 8, "numba").coverage.any()


@pytest.mark.skipif(not pytorch3d_trouble(), reason="PyTorch3D works here")
def test_missing_pytorch3d_is_an_error_only_when_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    module._auto_choice.cache_clear()
    with caplog.at_level("INFO", logger=module.__name__):
        assert choose_backend("auto") == "numba"
    assert "rasteriser: numba" in caplog.text
    with pytest.raises(UsageError, match="pytorch3d isn't usable"):
        rasterize(*soup(1), 8, "pytorch3d")


def fake_rasterizer(meshes: Any, image_size: int, **options: Any) -> tuple[Any, ...]:
    """PyTorch3D's documented contract on a CPU: x left, y up, face indices counted through the batch."""
    assert options["blur_radius"] == 0
    assert options["faces_per_pixel"] == 1
    assert not options["perspective_correct"]
    points, faces = (tensor.numpy() for tensor in meshes)
    drawn = [brute_force(p * [-1, -1, 1], f, image_size) for p, f in zip(points, faces, strict=True)]
    index = [np.where(d[0] < 0, -1, d[0] + t * len(faces[0])) for t, d in enumerate(drawn)]
    depth = [np.where(d[0] < 0, -1, d[2]).astype(np.float32) for d in drawn]
    bary = [d[1].astype(np.float32) for d in drawn]
    whole = [torch.from_numpy(np.stack(part))[..., None] for part in (index, depth, depth)]
    return whole[0], whole[1], torch.from_numpy(np.stack(bary))[..., None, :], whole[2]


def test_pytorch3d_backend_follows_its_conventions(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, structures = ModuleType("pytorch3d.renderer.mesh"), ModuleType("pytorch3d.structures")
    mesh.rasterize_meshes = fake_rasterizer  # type: ignore[attr-defined]
    structures.Meshes = lambda points, faces: (points, faces)  # type: ignore[attr-defined]
    names = ("pytorch3d", "pytorch3d.renderer", "pytorch3d.renderer.mesh", "pytorch3d.structures")
    for name, fake in zip(names, (SimpleNamespace(), SimpleNamespace(), mesh, structures), strict=True):
        monkeypatch.setitem(sys.modules, name, fake)
    vertices, faces = soup(8, frames=3)
    theirs = module._rasterize_pytorch3d(vertices, faces, 24, device="cpu")
    ours = rasterize(vertices, faces, 24, "numba")
    assert (theirs.face_index == ours.face_index).mean() > 0.9999
    assert theirs.face_index.dtype == np.int32
    np.testing.assert_allclose(theirs.depth, ours.depth, atol=1e-4)
    np.testing.assert_allclose(theirs.bary, ours.bary, atol=1e-4)
