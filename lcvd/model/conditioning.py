"""What a video is generated from: the portrait, and the pose and light of every frame."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import head_of
from lcvd.model.images import GivenImages, Images, WithReference, image_tensor
from lcvd.render.hints import Hints, hints_of
from lcvd.render.warp import WarpedReference

SEQUENCES = {
    "shading": ("reference_hint", "hints"),
    "landmark": ("reference_landmarks", "landmarks"),
    "reference": ("reference", "warped_reference"),
}
"""Of each condition, the fields with the image of the reference and with the images of the N frames."""


@dataclass(frozen=True)
class Conditioning:
    """The inputs of one video of N frames.

    An image is a PIL image, an array (H,W,3) or a tensor (3,H,W), uint8 or in [0,1], whose sides are the model's `size`. A
    sequence is an array (N,H,W,3), a tensor (N,3,H,W), a list of images, or an object with ``len`` that returns such an array
    for an array of indices (`images.GivenImages`), so that a long one can be rendered or read on demand.
    """

    reference: Any
    """The portrait: an image."""
    reference_mask: Any
    """(H,W), bool, uint8 or in [0,1]: above one half on the person. Outside the mask the model keeps the portrait's background."""
    reference_hint: Any
    """Shading hint of the portrait in its own pose and light: an image."""
    hints: Any
    """Shading hints of the N frames in the target pose and light: a sequence."""
    warped_reference: Any = None
    """The portrait warped to the pose of each frame: a sequence. Only a model with `warp_reference` uses it."""
    reference_landmarks: Any = None
    """Landmark map of the portrait: an image, for models with a landmark adapter."""
    landmarks: Any = None
    """Landmark maps of the N frames: a sequence, for the same models."""

    @classmethod
    def rendered(cls, reference: Array, mask: Array, own: FaceCodes, codes: FaceCodes, light: Array) -> Conditioning:
        """Hints and warped reference from face codes; those of the N frames are rendered on demand.

        Args:
            reference: the portrait (S,S,3) uint8. mask: its mask (S,S).
            own: the portrait's codes, of one frame. codes: those of the N frames, of the same head.
            light: target light, SH coefficients (9,3) or one per frame (N,9,3).
        """
        head, size = head_of(codes.head), len(reference)
        return cls(
            reference,
            mask,
            next(hints_of(head, own, size))[0],
            Hints(head, codes, size, light),
            WarpedReference(head, reference, own, codes),
        )

    def sequences(self, names: Collection[str], size: int) -> dict[str, Images]:
        """The images of the conditions `names`, and always of the shading: the reference's first, then those of the N frames.

        Raises:
            UsageError: an image or sequence is missing, or has a wrong type, shape, range or length; the error names
                its field.
        """
        found: dict[str, Images] = {}
        for name, (first, rest) in SEQUENCES.items():
            if name not in {"shading", *names}:
                continue
            for field in (rest, first):
                if getattr(self, field) is None:
                    raise UsageError(f"{field}: expected images, got None")
            found[name] = WithReference(
                image_tensor(first, getattr(self, first), size), GivenImages(rest, getattr(self, rest), size)
            )
            count, wanted = len(found[name]) - 1, len(found["shading"]) - 1
            if count != wanted:
                raise UsageError(f"{rest}: expected {wanted}, one per hint, got {count}")
        return found
