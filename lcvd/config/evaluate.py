"""Settings of the stage `evaluate`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from lcvd.config.section import Section

PUBLISHED = r"^(LE|ID\(ArcFace-r50\)|ID\(ArcFace-r100\)|ID\(buffalo_l\)|LPIPS|VQ|FID|FVD|FVD\(all windows\)|POSE|IQ\([\w+.-]+\))$"
"""Names of the published metrics; IQ names one of pyiqa's, such as ``IQ(liqe)``."""


PublishedMetric = Annotated[str, StringConstraints(pattern=PUBLISHED)]


class EvaluateSettings(Section):
    """Stage ``evaluate``."""

    clips: int = Field(4, ge=1)
    """At most so many test clips, in order of id."""
    frames: int = Field(100, ge=1)
    """First frames of each clip that are relit, the reference frame not counted."""
    recipe: Literal["default", "published", "fast"] = "published"
    """How videos are sampled: solver, windows and the like (`lcvd.model.recipe`)."""
    steps: int = Field(25, ge=1)
    """Denoising steps."""
    guidance: float = Field(4.5, ge=0)
    """Weight between `reference` and `reference + shading` (the paper, Eq. 6)."""
    likeness: float = Field(1.0, ge=0)
    """How strongly the face follows the reference: 1 as the network predicts (the paper), 2 twice as far from what it would
    predict without the reference, at low noise."""
    adapters: Literal["shading+reference", "reference", "shading"] = "shading+reference"
    """Which adapters are used: both, or one alone as in the paper's Table 4."""
    lights: tuple[str, ...] = ("left", "right", "top", "front")
    """Names of light presets to relight under."""
    published: tuple[PublishedMetric, ...] = ()
    """Published metrics to measure beside the open ones; the weights of each are yours to bring (docs/metrics.md)."""
