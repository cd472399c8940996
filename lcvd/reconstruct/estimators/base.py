"""Interface of a face estimator, which estimates the face codes of a clip from its face track and frames."""

from typing import Protocol, runtime_checkable

from lcvd.array import Array
from lcvd.config.reconstruct import ReconstructSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import HeadModel
from lcvd.face.track import FaceTrack


class ClipEstimator(Protocol):
    """Estimates the face codes of one clip, from windows of frames passed in order."""

    @property
    def head(self) -> HeadModel:
        """The head model of the codes."""

    def update(self, window: Array, squares: Array) -> None:
        """Process the next frames (n, H, W, 3) uint8 RGB, and their square crops (n, S, S, 3) uint8 RGB."""

    def finish(self) -> FaceCodes:
        """Return the codes of all frames, including light.

        Raises:
            ClipError: the frames aren't sufficient. The clip's row has the reason.
        """

    def error(self, codes: FaceCodes) -> Array:
        """Return the mean distance (T',) between the mesh's landmarks and the track's in the T' frames with a face, as a fraction of
        the distance between the outer eye corners."""


@runtime_checkable
class FaceEstimator(Protocol):
    """An entry of `lcvd.reconstruct.estimators.registry.FACE_ESTIMATORS`. Its module must be cheap to import."""

    def weights(self, settings: ReconstructSettings) -> dict[str, str]:
        """Return the SHA-256 of each weights file that is read, by name. It is called before the first clip.

        Raises:
            MissingWeights: a file is missing.
            ImportError: a package is missing.
        """

    def start(self, track: FaceTrack, square: Array, settings: ReconstructSettings) -> ClipEstimator:
        """Return an estimator for one clip.

        Args:
            track: the clip's face track.
            square: the square crop (x0, y0, side) int32 that the model sees, in clip-frame pixels.
            settings: the stage's settings.
        """
