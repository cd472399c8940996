"""The typed settings of every stage: one pydantic model a section of ``params.yaml``.

Every model refuses unknown keys and values out of range on construction. Fields that decide which bytes a stage
writes live in the stage's section; ``runner`` only decides where the work happens, so no stage depends on it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from lcvd.config.section import Section
from lcvd.config.train import TrainSettings

PUBLISHED = r"^(LE|ID\(ArcFace-r50\)|ID\(ArcFace-r100\)|ID\(buffalo_l\)|LPIPS|VQ|FID|FVD|FVD\(all windows\)|POSE|IQ\([\w+.-]+\))$"
"""Names of the published metrics; IQ names one of pyiqa's, such as ``IQ(liqe)``."""
PublishedMetric = Annotated[str, StringConstraints(pattern=PUBLISHED)]
MaskKind = Literal["mediapipe", "u2net", "u2net-compat"]


class RunnerSettings(Section):
    """Where the chunks of a stage run."""

    kind: Literal["processes", "threads", "ray", "dask"] = "processes"
    """Prefect task runner; ``ray`` and ``dask`` need the extra of the same name."""
    workers: int = Field(0, ge=0)
    """Parallel workers; 0 means one a core."""
    chunk: int = Field(1, ge=1)
    """Clips handed to a worker at once; one task run each chunk."""
    gpu_share: float = Field(0.0, ge=0, le=1)
    """Share of a GPU that a worker takes: 0.5 puts two on each, and each sees that one alone; 0: workers see every GPU."""

    @model_validator(mode="after")
    def _one_process_has_no_shares(self) -> RunnerSettings:
        if self.gpu_share and self.kind == "threads":
            raise ValueError("runner.gpu_share needs workers that are processes, but runner.kind is threads")
        return self


class DownloadSettings(Section):
    """Stage ``download``."""

    timeout_s: float = Field(30.0, gt=0)
    """Seconds without a byte before a connection is given up."""
    retries: int = Field(3, ge=0)
    """Further tries after a time-out, a truncated body or a 5xx; a 404 isn't tried again."""
    backoff_s: float = Field(1.0, ge=0)
    """First pause before a further try; it doubles, with jitter."""
    patience_s: float = Field(300.0, ge=0)
    """Longest pause that a host may ask for (Retry-After); a longer one blocks the source."""
    per_host: int = Field(2, ge=1)
    """Sources fetched from one host at once, by all workers of a machine together."""
    pause_s: float = Field(0.0, ge=0)
    """Seconds between two beginnings at one host."""
    rate_mb_s: float = Field(0.0, ge=0)
    """Megabytes a second from one host, by all workers of a machine together; 0 means no limit."""
    give_up_after: int = Field(10, ge=1)
    """Sources that a host refuses in a row before it isn't asked again in this run."""
    min_free_gb: float = Field(2.0, ge=0)
    """Gigabytes that stay free on the disk; the stage ends before they are used."""
    cookies: str = ""
    """A cookies.txt of your own (Netscape's format), for sites that show a video to their users only."""
    format: str = "bv[vcodec^=avc1]/bv[vcodec^=vp9]/bv/b"
    """What yt-dlp takes from a site, in its own language: the best picture, without sound, that decord decodes."""
    max_bytes: int = Field(4_000_000_000, gt=0)
    """A larger source is refused while it arrives."""
    allow_private: bool = False
    """Allow http(s) addresses that resolve to loopback, private or link-local networks."""


class TrackSettings(Section):
    """Face landmarks, shared by ``filter`` and ``reconstruct``."""

    max_frames: int = Field(0, ge=0)
    """Only the first so many frames of a clip are used; 0 means all."""
    min_confidence: float = Field(0.5, ge=0, le=1)
    """MediaPipe's detection and tracking confidence."""
    window: int = Field(64, ge=1)
    """Frames decoded and held at once."""


class QualitySettings(Section):
    """How a clip's picture quality is scored. Changing this scores again."""

    metric: Literal["fastervqa", "piqe", "none"] = "piqe"
    """``fastervqa`` (paper; 0 worst to 1 best), whose weights you bring, ``piqe`` (pyiqa, 0 best to 100 worst), or
    ``none``."""
    frames: int = Field(8, ge=1)
    """Frames a clip, evenly spaced, that ``piqe`` and sharpness look at."""
    sampling: Literal["script", "fragments"] = "script"
    """Frames that ``fastervqa`` looks at: ``script``, 32 in a row as the published script does (which the paper's 0.6
    most likely comes from), or ``fragments``, four of each eighth of the clip as its paper says."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Seed of ``fastervqa``'s random patches and frames."""
    draws: int = Field(1, ge=1, le=64)
    """Random draws that ``fastervqa`` averages."""


class FilterThresholds(Section):
    """What is kept. Changing a threshold decides again from stored scores."""

    min_frames: int = Field(16, ge=1)
    """Frames a clip needs (one training window)."""
    min_face_px: float = Field(100.0, gt=0)
    """Median larger side of the face box, in source pixels."""
    min_face_share: float = Field(0.98, ge=0, le=1)
    """Share of frames with exactly one face."""
    max_gap: int = Field(8, ge=0)
    """Frames in a row without a face that are interpolated; a longer gap splits the clip, whose longest part is kept."""
    max_jump: float = Field(0.5, gt=0)
    """Largest move of the face centre between frames, in face sizes: more means that another face took over."""
    min_same_face: float = Field(0.3, ge=-1, le=1)
    """Cosine of SFace's embeddings at the clip's beginning and end: less means that the face became another's."""
    max_hidden: float = Field(0.2, ge=0, le=1)
    """Share of the face that hasn't the colour of its skin, in the frames that show most of it: something is in front."""
    min_difference: float = Field(0.1, ge=0, le=1)
    """Share of the bits of their faces' hashes in which two clips differ; of clips that differ less, which are near copies,
    the first by id is kept. 0 keeps all."""
    min_sharpness: float = Field(20.0, ge=0)
    """Variance of the Laplacian over the face resized to 128 px, grey levels squared."""
    max_piqe: float = Field(60.0, ge=0, le=100)
    """Worst admitted PIQE score."""
    min_fastervqa: float = Field(0.6, ge=0, le=1)
    """Worst admitted Faster-VQA score (paper: 0.6)."""


class PeopleSettings(Section):
    """Who is in a clip, which decides its split. Changing this decides again from stored embeddings."""

    identity: Literal["manifest", "joined", "faces"] = "manifest"
    """``manifest``: whom the manifest names; ``faces``: whom SFace's embeddings tell apart, whatever the manifest says;
    ``joined``: manifest's identities that share a person by their faces are one."""
    same_person: float = Field(0.5, gt=0, le=1)
    """Mean cosine from which clips show the same person."""


class FilterSettings(Section):
    """Stage ``filter``."""

    track: TrackSettings = TrackSettings()
    quality: QualitySettings = QualitySettings()
    shot_threshold: float = Field(27.0, gt=0)
    """PySceneDetect's content threshold (its default 27)."""
    thresholds: FilterThresholds = FilterThresholds()
    people: PeopleSettings = PeopleSettings()


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


class ShardSettings(Section):
    """Stage ``shard``."""

    size: int = Field(512, ge=64, multiple_of=8)
    """Side of stored frames, hints and masks."""
    crf: int = Field(10, ge=0, le=30)
    """x264 constant rate factor of the frames (yuv444p); 10 is visually lossless at 512 px, 4 at 128 px."""
    prepare: bool = True
    """Store what the model's autoencoder and image encoder say of every frame, for ``train.prepared``."""
    max_shard_mb: float = Field(512.0, gt=0)
    """A new tar is begun beyond this size."""
    val_share: float = Field(0.05, ge=0, lt=1)
    """Share of identities whose clips are for validation."""
    test_share: float = Field(0.1, ge=0, lt=1)
    """Share of identities whose clips are for evaluation."""


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


class Settings(Section):
    """All of ``params.yaml``."""

    profile: str
    """Which profile these settings were written from (a label only)."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Seed of everything random."""
    runner: RunnerSettings
    download: DownloadSettings
    filter: FilterSettings
    reconstruct: ReconstructSettings
    shard: ShardSettings
    train: TrainSettings
    evaluate: EvaluateSettings

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        if 0 < self.filter.track.max_frames < self.filter.thresholds.min_frames:
            raise ValueError(
                f"filter.track.max_frames ({self.filter.track.max_frames}) is below filter.thresholds.min_frames "
                f"({self.filter.thresholds.min_frames}): no clip could be kept; raise the first or lower the second"
            )
        if self.train.prepared and not self.shard.prepare:
            raise ValueError("train.prepared is true, but shard.prepare is false: set both, or neither")
        return self
