"""Speed of shading hints: ours (compiled, parallel over frames) against a reference path (one frame after the other).

The reference path works like the published preprocessing: for each frame it rasterises (with PyTorch3D on the CPU if
installed, otherwise with a NumPy z-buffer over each face's bounding box), then computes normals, interpolation and
shading in NumPy over the whole image. The run checks that both produce the same hints. ``python -m benchmarks.shading
--json`` prints one JSON object on its last line; ``ratio`` is the speed-up per frame at the same size, measured
alternately.
"""

import importlib.util
import json
import statistics
from functools import partial
from typing import Any

import numpy as np

from benchmarks.clock import command_line, timed
from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place, whole_square
from lcvd.face.head import load_head
from lcvd.light.presets import orbit
from lcvd.render import rasterize as rasterizer
from lcvd.render.hints import hints_of
from lcvd.render.sh import ALBEDO, MAX_IMAGE_NORMAL_Z, basis


def clip_codes(frames: int) -> FaceCodes:
    """A mean head that nods and turns under an orbiting lamp; it fills the square like a talking head."""
    head = load_head()
    phase = 2 * np.pi * np.arange(frames) / frames
    pose = np.stack([0.2 * np.sin(phase), 0.5 * np.cos(phase), 0.05 * np.sin(2 * phase)], axis=-1)
    return FaceCodes(
        head=head.name,
        identity=np.zeros(len(head.identity_basis), np.float32),
        expression=np.zeros((frames, len(head.expression_names)), np.float32),
        pose=pose.astype(np.float32),
        camera=np.tile(np.array([1.0, 0.0, 0.1], np.float32), (frames, 1)),
        light=orbit(frames),
        crop=whole_square(np.array([0, 0, 512]), frames),
        square=np.array([0, 0, 512], np.int32),
        confidence=np.ones(frames, np.float32),
    )


def vertex_normals(vertices: Array, faces: Array) -> Array:
    """Area-weighted vertex normals (V, 3) of one frame."""
    corner = vertices[faces]
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, faces[:, k], cross)
    return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-6)


def z_buffer(ndc: Array, faces: Array, size: int) -> tuple[Array, Array]:
    """Face index (S, S) and barycentric coordinates (S, S, 3) of one frame, computed face by face on bounding boxes."""
    index, best = np.full((size, size), -1), np.full((size, size), np.inf)
    bary = np.full((size, size, 3), -1.0)
    pixels = (ndc[:, :2].astype(float) + 1) * (size / 2) - 0.5
    for number, face in enumerate(faces):
        (ax, ay), (bx, by), (cx, cy) = pixels[face]
        left, right = max(int(np.ceil(min(ax, bx, cx))), 0), min(int(np.floor(max(ax, bx, cx))), size - 1)
        top, bottom = max(int(np.ceil(min(ay, by, cy))), 0), min(int(np.floor(max(ay, by, cy))), size - 1)
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if left > right or top > bottom or abs(area) <= rasterizer.MIN_AREA * size * size / 4:
            continue
        box = (slice(top, bottom + 1), slice(left, right + 1))
        y, x = np.mgrid[box]
        weights = np.stack(
            [(bx - x) * (cy - y) - (by - y) * (cx - x), (cx - x) * (ay - y) - (cy - y) * (ax - x), np.zeros(x.shape)],
            -1,
        )
        weights = weights / area
        weights[..., 2] = 1 - weights[..., 0] - weights[..., 1]
        z = weights @ ndc[face, 2]
        nearer = (weights > 0).all(axis=-1) & (z >= 0) & (z < best[box])
        best[box][nearer], index[box][nearer], bary[box][nearer] = z[nearer], number, weights[nearer]
    return index, bary


def reference_hint(vertices: Array, ndc: Array, faces: Array, light: Array, size: int) -> Array:
    """One hint (S, S, 3) uint8, computed step by step over the whole image."""
    if importlib.util.find_spec("pytorch3d"):
        seen = rasterizer._rasterize_pytorch3d(ndc[None], faces, size, device="cpu")
        index, bary = seen.face_index[0], seen.bary[0]
    else:
        index, bary = z_buffer(ndc, faces, size)
    values = np.concatenate([vertex_normals(vertices, faces), vertex_normals(ndc, faces)], axis=-1)
    pixels = (bary[..., None] * values[faces[np.maximum(index, 0)]]).sum(axis=-2)
    alpha = (index >= 0) & (pixels[..., 5] < MAX_IMAGE_NORMAL_Z)
    shaded = ALBEDO * (basis(pixels[..., :3]) @ light) * alpha[..., None]
    return (np.clip(shaded, 0, 1) * 255).astype(np.uint8)


def run(size: int, frames: int, rounds: int) -> dict[str, Any]:
    """Measure both paths alternately; medians over `rounds`."""
    head, codes = load_head(), clip_codes(frames)
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    ndc = place(vertices, codes)
    list(hints_of(head, codes.window([0]), size, backend="numba"))  # compiles
    ours, theirs, differences = [], [], []
    for number in range(rounds):
        t = number % frames
        seconds, hints = timed(lambda: np.concatenate(list(hints_of(head, codes, size, backend="numba"))))
        ours.append(seconds / frames)
        seconds, expected = timed(partial(reference_hint, vertices[t], ndc[t], head.hint_faces, codes.light[t], size))
        theirs.append(seconds)
        differences.append(float(np.abs(hints[t].astype(int) - expected).mean()))
    ms, reference_ms = (1000 * statistics.median(times) for times in (ours, theirs))
    return {
        "benchmark": "shading",
        "size": size,
        "faces": len(head.hint_faces),
        "frames": frames,
        "ms_per_frame": round(ms, 3),
        "reference_ms_per_frame": round(reference_ms, 1),
        "reference": "pytorch3d-cpu" if importlib.util.find_spec("pytorch3d") else "numpy",
        "mean_abs_difference": round(max(differences), 5),
        "ratio": round(reference_ms / ms, 1),
    }


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--size", type=int, default=512, help="side of the hints in pixels")
    parser.add_argument("--frames", type=int, default=32, help="frames rendered by our path")
    parser.add_argument("--rounds", type=int, default=3, help="alternating measurements; medians are reported")
    options = parser.parse_args()
    found = run(options.size, options.frames, options.rounds)
    if not options.json:
        print(
            f"{found['size']} px, {found['faces']} faces: ours {found['ms_per_frame']:.2f} ms per frame, "
            f"reference ({found['reference']}) {found['reference_ms_per_frame']:.0f} ms"
        )
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
