"""Face codes by DECA, with FLAME as the head model. You must provide the weights."""

from lcvd.array import Array
from lcvd.config.reconstruct import ReconstructSettings
from lcvd.face.track import FaceTrack
from lcvd.reconstruct.estimators.base import ClipEstimator
from lcvd.weights.registry import weights_hash

WEIGHTS = ("deca", "flame", "flame-masks")
"""Names in the weights registry."""


class Deca:
    """A face estimator, see `FaceEstimator`."""

    def weights(self, settings: ReconstructSettings) -> dict[str, str]:
        """See `FaceEstimator`. Also checks that face-alignment is installed if the settings select it."""
        if settings.deca.landmarks == "face-alignment":
            from lcvd.face.deca_crop import face_alignment_package

            face_alignment_package()
        return {name: weights_hash(name) for name in WEIGHTS}

    def start(self, track: FaceTrack, square: Array, settings: ReconstructSettings) -> ClipEstimator:
        """See `FaceEstimator`."""
        from lcvd.face.deca_coder import DecaCoder  # imports torch, which the other estimators don't need

        return DecaCoder(track, square, settings.deca)
