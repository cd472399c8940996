"""The default face estimator: fits the open head model to the track's landmarks and estimates light from visible skin."""

from __future__ import annotations

from lcvd.array import Array
from lcvd.config.reconstruct import ReconstructSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.fit import fit_track, landmark_error
from lcvd.face.head import load_head
from lcvd.face.heads import HeadModel
from lcvd.face.track import FaceTrack
from lcvd.light.estimate import solve
from lcvd.light.skin_regions import light_samples
from lcvd.light.skin_samples import LightSamples, join


class OpenHead:
    """A face estimator, see `FaceEstimator`. It needs no weights."""

    def weights(self, settings: ReconstructSettings) -> dict[str, str]:
        """Return an empty dictionary."""
        return {}

    def start(self, track: FaceTrack, square: Array, settings: ReconstructSettings) -> OpenClip:
        """See `FaceEstimator`."""
        return OpenClip(track, square, settings)


class OpenClip:
    """The estimator of one clip, see `ClipEstimator`."""

    def __init__(self, track: FaceTrack, square: Array, settings: ReconstructSettings) -> None:
        self._head = load_head(settings.fit.head)
        self._track, self._settings = track, settings
        self._codes = fit_track(track, square, self._head, settings.fit)
        self._samples: list[LightSamples] = []

    @property
    def head(self) -> HeadModel:
        """The open head."""
        return self._head

    def update(self, window: Array, squares: Array) -> None:
        """Sample the light of the next frames from `squares`."""
        start = sum(part.frames for part in self._samples)
        codes = self._codes.window(slice(start, start + len(squares)))
        self._samples.append(light_samples(self._head, codes, squares))

    def finish(self) -> FaceCodes:
        """Return the fitted codes with light.

        Raises:
            ClipError: too little visible skin to estimate the light (`no_skin`).
        """
        return self._codes.replace(light=solve(join(self._samples), self._settings.light))

    def error(self, codes: FaceCodes) -> Array:
        """See `landmark_error`."""
        return landmark_error(codes, self._track, self._head)
