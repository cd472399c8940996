"""Settings of the stage `filter`."""

from typing import Annotated, Literal

from pydantic import Field

from lcvd.config.section import Section
from lcvd.registry import Names

QUALITY_SCORE_NAMES = Names("quality score", "lcvd.quality_scores", ("fastervqa", "piqe", "none"))


class TrackSettings(Section):
    """Face landmark tracking, shared by ``filter`` and ``reconstruct``."""

    max_frames: int = Field(0, ge=0)
    """Maximum number of frames used from the start of a clip; 0 means all frames."""
    min_confidence: float = Field(0.5, ge=0, le=1)
    """Minimum detection and tracking confidence of MediaPipe's face mesh."""
    window: int = Field(64, ge=1)
    """Number of frames decoded and kept in memory at a time."""


class QualitySettings(Section):
    """Image quality score of a clip. Changing a value recomputes the scores."""

    metric: Annotated[str, QUALITY_SCORE_NAMES] = "piqe"
    """Quality metric: ``fastervqa`` (the paper's; 0 worst to 1 best; you must provide the weights), ``piqe`` (pyiqa; 0 best to
    100 worst), ``none``, or one that an installed package adds."""
    frames: int = Field(8, ge=1)
    """Number of evenly spaced frames per clip used for ``piqe``, sharpness, near-duplicate hashes and face embeddings."""
    sampling: Literal["script", "fragments"] = "script"
    """Frames used by ``fastervqa``: ``script`` takes 32 consecutive frames, as the published script does (the most likely
    source of the paper's threshold 0.6); ``fragments`` takes four frames from each eighth of the clip, as its paper says."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Seed for the random patches and frames of ``fastervqa``."""
    draws: int = Field(1, ge=1, le=64)
    """Number of random draws that ``fastervqa`` averages."""


class FilterThresholds(Section):
    """Thresholds for keeping a clip. Changing one re-applies it to the cached measurements; nothing is recomputed."""

    min_frames: int = Field(16, ge=1)
    """Minimum number of frames of a clip (one training window)."""
    min_face_px: float = Field(100.0, gt=0)
    """Minimum face size: the median over the frames of the longer side of the face's bounding box, in source pixels."""
    min_face_share: float = Field(0.98, ge=0, le=1)
    """Minimum fraction of frames with exactly one face."""
    max_gap: int = Field(8, ge=0)
    """Longest gap without a face, in frames, that is interpolated. A clip with a longer gap is cut to its longest part."""
    max_jump: float = Field(0.5, gt=0)
    """Maximum displacement of the face centre between consecutive frames, as a fraction of the face size. Above it, the
    tracker is assumed to have switched to another face."""
    min_same_face: float = Field(0.3, ge=-1, le=1)
    """Minimum cosine similarity between the SFace embeddings of the first and last quarter of the clip. Below it, the clip
    is assumed to switch to another person."""
    max_hidden: float = Field(0.2, ge=0, le=1)
    """Maximum fraction of the face region that is not skin-coloured (an estimate of occlusion), averaged over the worst
    quarter of the frames."""
    min_difference: float = Field(0.1, ge=0, le=1)
    """Minimum fraction of bits in which the face hashes of two clips must differ. Clips that differ less are near-duplicates,
    and only the first by id is kept; 0 keeps all."""
    min_sharpness: float = Field(20.0, ge=0)
    """Minimum sharpness: the variance of the Laplacian over the face resized to 128 px, in grey levels squared."""
    max_piqe: float = Field(60.0, ge=0, le=100)
    """Maximum (worst) PIQE score."""
    min_fastervqa: float = Field(0.6, ge=0, le=1)
    """Minimum Faster-VQA score (paper: 0.6)."""
    quality_limit: float | None = None
    """Worst admitted score of a quality metric that an installed package adds; null takes that metric's own limit."""


class PeopleSettings(Section):
    """Identity of the person in a clip, which determines its split. Changing a value re-applies it to the cached embeddings."""

    identity: Literal["manifest", "joined", "faces"] = "manifest"
    """Source of a clip's identity: ``manifest`` uses the manifest's column; ``faces`` uses clusters of SFace embeddings
    instead; ``joined`` merges manifest identities that share a person according to the embeddings."""
    same_person: float = Field(0.5, gt=0, le=1)
    """Minimum mean cosine similarity of SFace embeddings at which clips are clustered as one person."""


class FilterSettings(Section):
    """Stage ``filter``."""

    track: TrackSettings = TrackSettings()
    quality: QualitySettings = QualitySettings()
    shot_threshold: float = Field(27.0, gt=0)
    """Threshold of PySceneDetect's content detector for a shot boundary (the detector's default is 27)."""
    thresholds: FilterThresholds = FilterThresholds()
    people: PeopleSettings = PeopleSettings()
