"""Interface of head models, and their lookup by the name stored in face codes."""

import functools
from pathlib import Path
from typing import Protocol

from lcvd.array import Array
from lcvd.face import flame
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.head import load_head
from lcvd.weights.registry import require


class HeadModel(Protocol):
    """A head model from which hints are rendered: `lcvd.face.head.Head` (open) or `lcvd.face.flame.Flame`."""

    @property
    def name(self) -> str:
        """Name stored in face codes."""

    @property
    def faces(self) -> Array:
        """Triangles (F, 3) of the whole head."""

    @property
    def hint_faces(self) -> Array:
        """Triangles (Fh, 3) rendered in hints."""

    @property
    def hint_weights(self) -> Array | None:
        """Weight of each of those triangles in the normals, (Fh,); None means equal weights."""

    def vertices(self, identity: Array, expression: Array, pose: Array) -> Array:
        """Return the posed vertices (T, V, 3) in model space: y up, z towards the camera, x to the right of the image."""

    def five_points(self, vertices: Array) -> Array:
        """Return eyes, nose tip and mouth corners (T, 5, 3) of vertices (T, V, 3), image left before right."""


def head_of(name: str) -> HeadModel:
    """Return the head model for face codes whose field `head` is `name`.

    Raises:
        ValueError: there is no such model.
        MissingWeights: its files are missing.
        PickleRefused: see `lcvd.face.flame.load_flame`.
    """
    return _flame(require("flame"), require("flame-masks")) if name == flame.NAME else load_head(name)


def posed(head: HeadModel, codes: FaceCodes) -> tuple[Array, Array]:
    """Return the head's posed vertices (T, V, 3) in model space, and their projection to NDC of the square (see `place`)."""
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    return vertices, place(vertices, codes)


@functools.cache
def _flame(model: Path, masks: Path) -> flame.Flame:
    return flame.load_flame(model, masks)
