"""What a face estimator provides: face codes of a clip, from its face track and its frames."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from lcvd.config.reconstruct import ReconstructSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import HeadModel
from lcvd.face.track import FaceTrack

Array = NDArray[Any]


class ClipEstimator(Protocol):
    """Estimates the face codes of one clip, whose frames it receives in order, in windows."""

    @property
    def head(self) -> HeadModel:
        """The head model of the codes."""

    def update(self, window: Array, squares: Array) -> None:
        """Take the next frames (n, H, W, 3) uint8 RGB, and the clip's square cut from them (n, S, S, 3) uint8 RGB."""

    def finish(self) -> FaceCodes:
        """Codes of all frames, light included.

        Raises:
            ClipError: the frames don't suffice; the reason is in the row of the clip.
        """

    def error(self, codes: FaceCodes) -> Array:
        """Mean distance (T',) between the mesh's landmarks and the track's in the T' frames with a face, as a fraction of
        the distance between the outer eye corners."""


@runtime_checkable
class FaceEstimator(Protocol):
    """An entry of `lcvd.reconstruct.estimators.registry.FACE_ESTIMATORS`; cheap to import."""

    def weights(self, settings: ReconstructSettings) -> dict[str, str]:
        """SHA-256 of each weights file that is read, by name. Called before any clip.

        Raises:
            MissingWeights: a file is missing.
            ImportError: a package is missing.
        """

    def start(self, track: FaceTrack, square: Array, settings: ReconstructSettings) -> ClipEstimator:
        """An estimator of one clip.

        Args:
            track: the clip's face track.
            square: (x0, y0, side) int32, the part of the clip's frames that the model sees, in pixels.
            settings: of the stage.
        """
