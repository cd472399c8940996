"""Settings of the stage `reconstruct`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from lcvd.config.section import Section
from lcvd.registry import Names

FACE_ESTIMATOR_NAMES = Names("face estimator", "lcvd.face_estimators", ("open", "deca"))
MASKER_NAMES = Names("masker", "lcvd.maskers", ("mediapipe", "u2net", "u2net-compat"))


class FitSettings(Section):
    """Fit of the open head model to face landmarks."""

    head: Literal["open-head/1"] = "open-head/1"
    """Name of the head model."""
    identity_frames: int = Field(32, ge=1)
    """Number of evenly spaced frames from which the clip's identity coefficients are estimated."""
    identity_steps: int = Field(6, ge=3)
    """Number of Gauss-Newton steps of the identity fit. The first two keep identity fixed."""
    frame_steps: int = Field(4, ge=1)
    """Number of Gauss-Newton steps over all frames, with identity fixed."""
    noise: float = Field(0.008, gt=0)
    """Standard deviation of a landmark's position error, in head heights (0.008 is about 1.8 mm)."""
    evidence: float = Field(60.0, gt=0)
    """Effective number of independent landmarks per frame; the 468 landmarks are correlated."""
    identity_evidence: float = Field(12.0, gt=0)
    """Effective number of independent frames per clip in the identity fit; frames of a clip are correlated."""
    gap_trust: float = Field(6.0, ge=0)
    """Weight of each eyelid and lip opening distance, relative to the weight of a mean landmark."""
    depth_trust: float = Field(0.25, ge=0)
    """Scale of MediaPipe's z residuals relative to those of x and y."""
    outlier: float = Field(0.04, gt=0)
    """Landmark residual, in head heights, at which the robust (Cauchy) weight falls to one half."""
    expression_spread: float = Field(0.5, gt=0)
    """Prior standard deviation of an expression coefficient (0 is neutral, 1 is full expression)."""
    sparsity: float = Field(3.0, ge=0)
    """Weight of the L1 penalty on expression coefficients, which keeps a neutral face neutral."""
    turn_change: float = Field(0.06, gt=0)
    """Prior standard deviation of the head rotation between consecutive frames, in radians."""
    scale_change: float = Field(0.02, gt=0)
    """Prior standard deviation of the relative change in scale between consecutive frames."""
    shift_change: float = Field(0.05, gt=0)
    """Prior standard deviation of the head translation between consecutive frames, in head heights."""
    expression_change: float = Field(0.4, gt=0)
    """Prior standard deviation of the change in an expression coefficient between consecutive frames."""
    doubt: float = Field(0.03, gt=0)
    """RMS distance between landmarks and fitted head, in head heights, at which a frame's confidence is 0.5."""


class DecaSettings(Section):
    """Face codes estimated by DECA (published weights, non-commercial licence)."""

    landmarks: Literal["mediapipe", "face-alignment"] = "mediapipe"
    """Landmarks from which DECA's crops are computed: those of the MediaPipe face track, or those of face-alignment as in the
    published code (needs the extra ``lcvd[deca]``)."""


class LightSettings(Section):
    """Fit of second-order spherical-harmonics lighting to visible skin."""

    ridge: float = Field(0.02, gt=0)
    """Ridge weight on the directional lights that compose a lighting, relative to the mean diagonal of the normal matrix."""
    frame_ridge: float = Field(0.005, gt=0)
    """Penalty on the difference between a frame's lighting and the clip's, relative to the same mean diagonal."""
    smooth_frames: float = Field(2.0, ge=0)
    """Standard deviation, in frames, of the temporal Gaussian smoothing; 0 fits each frame independently."""


class ReconstructThresholds(Section):
    """Maximum temporal jitter of a clip's face codes. Changing a threshold re-applies it to the cached measurements; nothing is
    recomputed."""

    max_landmark_jitter: float = Field(0.03, ge=0)
    """Maximum frame-to-frame standard deviation of the median landmark position, as a fraction of the inter-ocular distance
    (between the outer eye corners)."""
    max_pose_jitter: float = Field(3.0, ge=0)
    """Maximum frame-to-frame standard deviation of the head rotation, in degrees."""
    max_light_jitter: float = Field(0.05, ge=0)
    """Maximum frame-to-frame standard deviation of the SH light coefficients, as a fraction of the constant coefficients."""


class ReconstructSettings(Section):
    """Stage ``reconstruct``."""

    crop_scale: float = Field(1.6, gt=1)
    """Side of the model's square crop in face bounding boxes: between FFHQ (about 1.5) and the published example (1.8)."""
    size: int = Field(256, ge=64)
    """Side in pixels to which the square crop is resized for estimating mask and light."""
    codes: Annotated[str, FACE_ESTIMATOR_NAMES] = "open"
    """Estimator of the face codes: ``open`` fits the open head model; ``deca`` is DECA with FLAME, whose weights you must
    provide; or one that an installed package adds."""
    deca: DecaSettings = DecaSettings()
    mask: Annotated[str, MASKER_NAMES] = "mediapipe"
    """Portrait mask network: ``mediapipe`` (open); U²-Net human, whose weights you must provide: ``u2net`` runs it as
    intended, ``u2net-compat`` as the published preprocessing runs it; or one that an installed package adds."""
    fit: FitSettings = FitSettings()
    light: LightSettings = LightSettings()
    thresholds: ReconstructThresholds = ReconstructThresholds()

    def decisive(self) -> dict[str, Any]:
        """Return all settings that affect codes and masks (all but the thresholds), for cache keys and provenance."""
        return self.model_dump(mode="json", exclude={"thresholds"})
