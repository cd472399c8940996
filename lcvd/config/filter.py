"""Settings of the stage `filter`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lcvd.config.section import Section


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
