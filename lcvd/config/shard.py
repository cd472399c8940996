"""Settings of the stage `shard`."""

from pydantic import Field

from lcvd.config.section import Section


class ShardSettings(Section):
    """Stage ``shard``."""

    size: int = Field(512, ge=64, multiple_of=8)
    """Side in pixels of the stored frames, hints and masks."""
    crf: int = Field(10, ge=0, le=30)
    """x264 constant rate factor of the frames (yuv444p). 10 is visually lossless at 512 px, 4 at 128 px."""
    prepare: bool = True
    """Store the latents and image embeddings of every frame, as needed by ``train.prepared``."""
    max_shard_mb: float = Field(512.0, gt=0)
    """Size in megabytes after which a new tar file is started."""
    val_share: float = Field(0.05, ge=0, lt=1)
    """Fraction of identities whose clips are used for validation."""
    test_share: float = Field(0.1, ge=0, lt=1)
    """Fraction of identities whose clips are used for evaluation."""
