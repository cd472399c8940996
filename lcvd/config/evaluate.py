"""Settings of the stage `evaluate`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from lcvd.config.section import Section
from lcvd.registry import Names

_OWN = (
    "LE",
    "ID(ArcFace-r50)",
    "ID(ArcFace-r100)",
    "ID(buffalo_l)",
    "LPIPS",
    "VQ",
    "FID",
    "FVD",
    "FVD(all windows)",
    "POSE",
)
PUBLISHED_METRICS = Names("published metric", "lcvd.metrics", _OWN, families=("IQ",))
METHOD_NAMES = Names("method", "lcvd.methods", ("lcvd", "driving", "copy", "sh-ratio", "dpr", "codec", "truth", "hint"))


class EvaluateSettings(Section):
    """Stage ``evaluate``."""

    clips: int = Field(4, ge=1)
    """Maximum number of test clips, taken in order of id."""
    frames: int = Field(100, ge=2)
    """Number of frames to relight from the start of each clip, not counting the reference frame."""
    recipe: Literal["default", "published", "fast"] | None = None
    """Sampling recipe: solver, windows and guidance interval (`lcvd.model.recipe`). null: the model's own, as stored under
    `sampling` in its `model_index.json`."""
    steps: int | None = Field(None, ge=1)
    """Number of denoising steps. null: the recipe's, or the model's own if `recipe` is null too."""
    guidance: float | None = Field(None, ge=0)
    """Guidance weight: extrapolation from the prediction with `reference` to the one with `reference + shading` (paper, Eq. 6).
    null: the model's own."""
    likeness: float | None = Field(None, ge=0)
    """Identity guidance weight, applied at low noise levels only: extrapolation from the prediction without the reference to
    the one with it. 1 uses the prediction unchanged (the paper). null: the model's own."""
    adapters: Literal["shading+reference", "reference", "shading"] | None = None
    """Adapters to use: both, or one alone as in Table 4 of the paper. null: the model's own."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Floating-point type of the model. ``auto``: that of its file on a GPU, fp32 on a CPU."""
    lights: tuple[str, ...] = ("left", "right", "top", "front")
    """Names of the light presets used as target lights."""
    published: tuple[Annotated[str, PUBLISHED_METRICS], ...] = ()
    """Metrics to compute in addition to the open ones: published ones, whose weights you must provide (docs/metrics.md), or
    ones that an installed package adds. ``IQ(...)`` takes the name of a pyiqa metric, such as ``IQ(liqe)``."""
    methods: tuple[Annotated[str, METHOD_NAMES], ...] = ("copy", "sh-ratio", "codec", "truth", "hint")
    """Methods to evaluate in addition to the model and the driving video (docs/methods.md)."""

    @property
    def overrides(self) -> dict[str, Any]:
        """What replaces the model's own sampling defaults; None keeps a default."""
        return self.model_dump(include={"recipe", "steps", "guidance", "likeness", "adapters"})
