"""Settings of the stage `reconstruct`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lcvd.config.section import Section

MaskKind = Literal["mediapipe", "u2net", "u2net-compat"]


class FitSettings(Section):
    """Fit of the open head to landmarks."""

    head: Literal["open-head/1"] = "open-head/1"
    """Head model."""
    identity_frames: int = Field(32, ge=1)
    """Frames, evenly spaced, over which the clip's identity is found."""
    identity_steps: int = Field(6, ge=3)
    """Gauss-Newton steps over identity and those frames; in the first two identity is held."""
    frame_steps: int = Field(4, ge=1)
    """Gauss-Newton steps over all frames."""
    noise: float = Field(0.008, gt=0)
    """Standard deviation of a landmark, in head heights (0.008 is about 1.8 mm)."""
    evidence: float = Field(60.0, gt=0)
    """How many independent landmarks the 468 of a frame are worth."""
    identity_evidence: float = Field(12.0, gt=0)
    """How many independent frames a clip is worth for identity."""
    gap_trust: float = Field(6.0, ge=0)
    """Trust in how far lids and lips are open, relative to the mean landmark."""
    depth_trust: float = Field(0.25, ge=0)
    """Trust in MediaPipe's z relative to x and y."""
    outlier: float = Field(0.04, gt=0)
    """Distance in head heights at which a landmark counts half."""
    expression_spread: float = Field(0.5, gt=0)
    """Expected size of an expression coefficient (0 rest, 1 full)."""
    sparsity: float = Field(3.0, ge=0)
    """Cost of each unit of expression: what keeps a neutral face neutral."""
    turn_change: float = Field(0.06, gt=0)
    """Expected turn between frames, radians."""
    scale_change: float = Field(0.02, gt=0)
    """Expected relative change of size between frames."""
    shift_change: float = Field(0.05, gt=0)
    """Expected move between frames, head heights."""
    expression_change: float = Field(0.4, gt=0)
    """Expected change of an expression coefficient between frames."""
    doubt: float = Field(0.03, gt=0)
    """Landmarks' distance from the head, in head heights, at which confidence is one half."""


class DecaSettings(Section):
    """Face codes by DECA (published weights, non-commercial)."""

    landmarks: Literal["mediapipe", "face-alignment"] = "mediapipe"
    """Whose landmarks DECA's crops are made from: the face track's, or the published ones (extra ``lcvd[deca]``)."""


class LightSettings(Section):
    """Fit of second-order spherical-harmonics light on visible skin."""

    ridge: float = Field(0.02, gt=0)
    """Weight of the ridge on the lamps that make up a clip's or frame's light, relative to the normal matrix's mean diagonal."""
    frame_ridge: float = Field(0.005, gt=0)
    """Weight that draws each frame's light to the clip's, relative to the mean diagonal of the normal matrix."""
    smooth_frames: float = Field(2.0, ge=0)
    """Standard deviation in frames of the smoothing over time; 0 fits each frame alone."""


class ReconstructThresholds(Section):
    """What is kept: how much, from frame to frame, may tremble. Changing a threshold decides again from stored scores."""

    max_landmark_jitter: float = Field(0.03, ge=0)
    """Of the median landmark's place, in distances between the outer eye corners (standard deviation)."""
    max_pose_jitter: float = Field(3.0, ge=0)
    """Of the head's turn, degrees."""
    max_light_jitter: float = Field(0.05, ge=0)
    """Of the light's coefficients, relative to its constant ones."""


class ReconstructSettings(Section):
    """Stage ``reconstruct``."""

    crop_scale: float = Field(1.6, gt=1)
    """Side of the model's square, in sizes of the face box: between FFHQ's (about 1.5) and the published example's (1.8)."""
    size: int = Field(256, ge=64)
    """Pixels of the square at which mask and light are computed."""
    codes: Literal["open", "deca"] = "open"
    """Who makes face codes: the fit of the open head, or DECA with FLAME, whose weights must be there."""
    deca: DecaSettings = DecaSettings()
    mask: MaskKind = "mediapipe"
    """Portrait mask: ``mediapipe`` (open), or U²-Net human, whose weights you bring: ``u2net`` as it is meant to be run,
    ``u2net-compat`` as the published preprocessing runs it."""
    fit: FitSettings = FitSettings()
    light: LightSettings = LightSettings()
    thresholds: ReconstructThresholds = ReconstructThresholds()

    def decisive(self) -> dict[str, Any]:
        """What decides codes and masks, for keys and provenance: all but the thresholds."""
        return self.model_dump(mode="json", exclude={"thresholds"})
