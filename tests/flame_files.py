"""A small FLAME model by the golden rule, stored in the publisher's format: chumpy arrays, a sparse regressor, Python 2
pickles."""

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix

from tests.golden_rules import draws

RINGS, POINTS = 15, 20


def template() -> tuple[np.ndarray, np.ndarray]:
    """Vertices (300, 3) and outward-facing triangles (560, 3) of fixture ``flame``."""
    ring, place = np.mgrid[:RINGS, :POINTS]
    theta, phi = np.pi * (ring + 0.5) / RINGS, 2 * np.pi * place / POINTS
    vertices = np.stack(
        [0.09 * np.sin(theta) * np.sin(phi), 0.12 * np.cos(theta), 0.10 * np.sin(theta) * np.cos(phi)], -1
    )
    faces = []
    for i in range(RINGS - 1):
        for j in range(POINTS):
            a, b = i * POINTS + j, i * POINTS + (j + 1) % POINTS
            faces += [(a, a + POINTS, b), (b, a + POINTS, b + POINTS)]
    return vertices.reshape(-1, 3), np.array(faces, np.uint32)


def arrays(seed: int) -> dict[str, Any]:
    """The fields of ``generic_model.pkl`` that FLAME uses."""
    vertices, faces = template()
    count = len(vertices)

    def rows(name: str, shape: tuple[int, ...], power: int) -> np.ndarray:
        fields = draws(f"{seed}:flame:{name}").uniform(0, 1, shape) ** power
        return fields / fields.sum(1, keepdims=True)

    return {
        "v_template": vertices,
        "f": faces,
        "shapedirs": 0.001 * draws(f"{seed}:flame:shapedirs").standard_normal((count, 3, 400)),
        "posedirs": 0.0005 * draws(f"{seed}:flame:posedirs").standard_normal((count, 3, 36)),
        "J_regressor": rows("J_regressor", (5, count), 8),
        "weights": rows("weights", (count, 5), 3),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.int64),
        "bs_style": "lbs",
    }


def regions(vertices: np.ndarray) -> dict[str, np.ndarray]:
    """The regions of ``FLAME_masks.pkl`` on the ellipsoid; the face is its front."""
    x, y, z = vertices.T
    front = z > 0.02
    return {
        "face": np.flatnonzero(front),
        "right_eyeball": np.flatnonzero(front & (x < -0.02) & (x > -0.06) & (y > 0) & (y < 0.05)),
        "left_eyeball": np.flatnonzero(front & (x > 0.02) & (x < 0.06) & (y > 0) & (y < 0.05)),
        "nose": np.flatnonzero(front & (np.abs(y) < 0.03)),
        "lips": np.flatnonzero(front & (y < -0.03) & (y > -0.07) & (np.abs(x) < 0.04)),
        "neck": np.arange(3),
    }


def write_flame(folder: Path, seed: int, faces: np.ndarray | None = None) -> tuple[Path, Path]:
    """Write ``generic_model.pkl`` and ``FLAME_masks.pkl`` to `folder`; region `face` is the front of the ellipsoid."""
    fields = arrays(seed)
    if faces is not None:
        fields["f"] = faces
    fields["J_regressor"] = csc_matrix(fields["J_regressor"])
    vertices_xyz = fields["v_template"]
    model, masks = folder / "generic_model.pkl", folder / "FLAME_masks.pkl"
    folder.mkdir(parents=True, exist_ok=True)
    # The pickle names classes of a package that is not needed for reading.
    names = ("chumpy", "chumpy.ch", "chumpy.reordering")
    modules = {name: types.ModuleType(name) for name in names}
    sys.modules.update(modules)
    try:
        ch = type("Ch", (), {"__module__": "chumpy.ch"})
        select = type("Select", (), {"__module__": "chumpy.reordering"})
        modules["chumpy.ch"].Ch, modules["chumpy.reordering"].Select = ch, select

        def chumpy(array: np.ndarray) -> Any:
            array_object = ch()
            array_object.x = array
            return array_object

        vertices = select()
        order = np.arange(fields["v_template"].size)[::-1]
        vertices.a = chumpy(fields["v_template"].ravel()[::-1].copy())
        vertices.idxs, vertices.preferred_shape = order, fields["v_template"].shape
        fields |= {"v_template": vertices, "shapedirs": chumpy(fields["shapedirs"])}
        model.write_bytes(pickle.dumps(fields, protocol=2))
        masks.write_bytes(pickle.dumps(regions(vertices_xyz), protocol=2))
    finally:
        for name in names:
            del sys.modules[name]
    return model, masks
