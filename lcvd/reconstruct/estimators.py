"""Who turns a clip's frames into face codes: the open head's fit, or DECA. The stage sees one small protocol."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lcvd.config.reconstruct import ReconstructSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.fit import fit_track, landmark_error
from lcvd.face.head import load_head
from lcvd.face.heads import HeadModel
from lcvd.face.track import FaceTrack
from lcvd.ledger.rows import ClipError
from lcvd.light.estimate import solve
from lcvd.light.skin_regions import light_samples
from lcvd.light.skin_samples import LightSamples, join
from lcvd.weights.registry import fingerprint

Array = NDArray[Any]
DECA_WEIGHTS = ("deca", "flame", "flame-masks")
"""Names in the weights registry of what `DecaCoder` reads."""


class Coder(Protocol):
    """Makes the face codes of one clip, whose frames it is handed in order, in windows."""

    @property
    def head(self) -> HeadModel:
        """The head that the codes are of."""

    def update(self, window: Array, pictures: Array) -> None:
        """Take the next frames (n, H, W, 3) uint8 RGB, and what the clip's square shows of them (n, S, S, 3)."""

    def finish(self) -> FaceCodes:
        """Codes, light included, of all frames."""

    def error(self, codes: FaceCodes) -> Array:
        """Distance (T',) of the mesh's marks from the track's, in distances between the outer eye corners."""


class OpenCoder:
    """The open head, fitted to the track's landmarks; the light from the skin that the frames show."""

    def __init__(self, track: FaceTrack, square: Array, settings: ReconstructSettings) -> None:
        self._head = load_head(settings.fit.head)
        self._track, self._settings = track, settings
        self._codes = fit_track(track, square, self._head, settings.fit)
        self._samples: list[LightSamples] = []

    @property
    def head(self) -> HeadModel:
        """The open head."""
        return self._head

    def update(self, window: Array, pictures: Array) -> None:
        """Gather the light of the next frames from the square's `pictures`."""
        start = sum(part.frames for part in self._samples)
        codes = self._codes.window(slice(start, start + len(pictures)))
        self._samples.append(light_samples(self._head, codes, pictures))

    def finish(self) -> FaceCodes:
        """The fitted codes with their light.

        Raises:
            ClipError: too little skin is seen to tell the light (`no_skin`).
        """
        try:
            return self._codes.replace(light=solve(join(self._samples), self._settings.light))
        except ValueError as error:
            raise ClipError("no_skin", str(error)) from None

    def error(self, codes: FaceCodes) -> Array:
        """See `landmark_error`."""
        return landmark_error(codes, self._track, self._head)


def coder_of(track: FaceTrack, square: Array, settings: ReconstructSettings) -> Coder:
    """The coder that ``reconstruct.codes`` names, for one clip.

    Raises:
        MissingWeights: DECA's or FLAME's files aren't there.
    """
    square = np.asarray(square)
    if settings.codes == "open":
        return OpenCoder(track, square, settings)
    from lcvd.face.deca_coder import DecaCoder  # torch isn't needed otherwise

    return DecaCoder(track, square, settings.deca)


def coder_weights(settings: ReconstructSettings) -> dict[str, str]:
    """SHA-256 of each published file that the coder reads, by its name in the registry.

    Raises:
        MissingWeights: one of them isn't there.
        ImportError: the settings ask for a package that isn't installed.
    """
    if settings.codes == "open":
        return {}
    if settings.deca.landmarks == "face-alignment":
        from lcvd.face.deca_crop import face_alignment_package

        face_alignment_package()
    return {name: fingerprint(name) for name in DECA_WEIGHTS}
