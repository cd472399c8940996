"""What every head model gives, and where it is found by the name that face codes carry."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from lcvd.face import flame
from lcvd.face.head import load_head
from lcvd.weights.registry import require

Array = NDArray[Any]


class HeadModel(Protocol):
    """A head that hints are rendered of: `lcvd.face.head.Head` (open) or `lcvd.face.flame.Flame`."""

    @property
    def name(self) -> str:
        """As face codes carry it."""

    @property
    def faces(self) -> Array:
        """The whole head, triangles (F, 3)."""

    @property
    def hint_faces(self) -> Array:
        """The region that hints show, triangles (Fh, 3)."""

    @property
    def hint_weights(self) -> Array | None:
        """Share of each of those triangles in the normals (Fh,); None: equal."""

    def vertices(self, identity: Array, expression: Array, pose: Array) -> Array:
        """Posed head (T, V, 3) in model space: y up, z to the camera, x to the picture's right."""

    def five_points(self, vertices: Array) -> Array:
        """Places (T, 5, 3) on vertices (T, V, 3): the eyes, the nose tip, the corners of the mouth, picture's left before
        right."""


def head_of(name: str) -> HeadModel:
    """The head model of face codes whose field `head` is `name`.

    Raises:
        ValueError: there is no such model.
        MissingWeights: its files aren't there.
        PickleRefused: see `lcvd.face.flame.load_flame`.
    """
    return _flame(require("flame"), require("flame-masks")) if name == flame.NAME else load_head(name)


@functools.cache
def _flame(model: Path, masks: Path) -> flame.Flame:
    return flame.load_flame(model, masks)
