"""The preprocessing of a model's training data, stored in its folder, because relighting has to repeat it."""

import logging
from dataclasses import asdict, dataclass
from typing import Any

from lcvd.config.reconstruct import ReconstructSettings
from lcvd.weights.strict import ModelError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedOn:
    """Settings of section `reconstruct` under which the training data was made. None: unknown, as in older model folders."""

    codes: str | None = None
    """Face estimator, which determines the head model of the hints."""
    landmarks: str | None = None
    """Landmarks that DECA's crops were aligned by; None for other estimators."""
    crop_scale: float | None = None
    """Side of the square crop in face bounding boxes."""
    mask: str | None = None
    """Masker of the reference's background."""
    precision: str | None = None
    """Autocast precision of the training."""

    @classmethod
    def of(cls, settings: ReconstructSettings, precision: str) -> "TrainedOn":
        """The preprocessing and precision of a training run."""
        landmarks = settings.deca.landmarks if settings.codes == "deca" else None
        return cls(settings.codes, landmarks, settings.crop_scale, settings.mask, precision)

    def applied(self, settings: ReconstructSettings) -> ReconstructSettings:
        """The settings with the known values of the training data."""
        known = {name: value for name, value in self._values().items() if value is not None}
        deca = settings.deca.model_copy(update={"landmarks": self.landmarks} if self.landmarks else {})
        return settings.model_copy(update={**known, "deca": deca})

    def check(self, settings: ReconstructSettings, model: str) -> None:
        """Compare with the settings of a portrait's reconstruction; differences other than `codes` are logged.

        Raises:
            ModelError: the hints would be of another head model than those of the training.
        """
        different = [
            f"reconstruct.{name} is {getattr(settings, name)}, the model's training data had {value}"
            for name, value in self._values().items()
            if value is not None and value != getattr(settings, name)
        ]
        if self.landmarks and settings.codes == "deca" and self.landmarks != settings.deca.landmarks:
            different.append(
                f"reconstruct.deca.landmarks is {settings.deca.landmarks}, the model's training data had {self.landmarks}"
            )
        if self.codes is not None and self.codes != settings.codes:
            raise ModelError(f"{model}: {'; '.join(different)}: change params.yaml, or choose another model")
        for each in different:
            log.warning("%s: %s; expect a worse result", model, each)

    def plain(self) -> dict[str, Any]:
        """The known values, for the model's index."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def _values(self) -> dict[str, Any]:
        return {"codes": self.codes, "crop_scale": self.crop_scale, "mask": self.mask}


PUBLISHED = TrainedOn("deca", "face-alignment", None, "u2net-compat", "fp16")
"""The published model (spec C)."""
