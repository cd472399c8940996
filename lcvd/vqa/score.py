"""Faster-VQA scores of clips: the mean over random draws of fragments (spec F)."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import torch

from lcvd.config.filter import QualitySettings
from lcvd.device import default_device
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.vqa.fastervqa import WEIGHTS, FasterVqa, load_fastervqa, rescaled
from lcvd.vqa.fragments import Frames, extract_fragments, plan_draws
from lcvd.weights.registry import weights_hash

BATCH = 4
"""Number of draws per batch."""
HELD_BYTES = 1 << 28
"""Maximum size of the whole frames kept in memory: 43 frames of 1920 x 1080."""


@dataclass(frozen=True)
class Video:
    """A video whose frames are fetched on demand."""

    frames: int
    height: int
    width: int
    fetch: Callable[[Sequence[int]], Frames]
    """Returns the frames at the given indices, (n, H, W, 3) uint8 RGB."""


def video_of(clip: Clip) -> Video:
    """Wrap a clip. Only requested frames are decoded."""
    return Video(clip.frames, clip.height, clip.width, partial(read, clip))


def scores(videos: Iterable[Video], quality: QualitySettings, network: FasterVqa | None = None) -> list[float]:
    """Return the score in [0, 1] of each video, the mean over its draws. Equal seeds give equal scores.

    A batch may contain draws of several videos, which may change a score in its last bits.

    Args:
        videos: the videos. Each is read lazily.
        quality: sampling, seed and number of draws.
        network: the network; None uses `open_network`.

    Raises:
        MissingWeights, ModelError: see `open_network`.
        ClipError: a frame can't be decoded.
    """
    network = network or open_network()
    fragments = _fragments(videos, quality)
    found: list[float] = []
    while batch := list(islice(fragments, BATCH)):
        found += _score_batch(network, np.stack(batch))
    return np.asarray(found).reshape(-1, quality.draws).mean(1).tolist()


def open_network() -> FasterVqa:
    """Return the published network, on the GPU if there is one. It is loaded once per process.

    Raises:
        MissingWeights: the file is missing. The message names its licence and path.
        ModelError: the file isn't a checkpoint of this network.
    """
    return _loaded(weights_hash(WEIGHTS))


@functools.lru_cache(maxsize=1)
def _loaded(weights_hash: str) -> FasterVqa:
    return load_fastervqa().to(default_device())


def _fragments(videos: Iterable[Video], quality: QualitySettings) -> Iterator[Frames]:
    for video in videos:
        draws = plan_draws(video.frames, video.height, video.width, quality.sampling, quality.seed, quality.draws)
        yield from extract_fragments(draws, video.fetch, max(1, HELD_BYTES // (3 * video.height * video.width)))


@torch.inference_mode()
def _score_batch(network: FasterVqa, fragments_BCDHW: Frames) -> list[float]:
    device = network.vqa_head.fc_last.weight.device
    map_BCDHW = network(torch.from_numpy(fragments_BCDHW).to(device))
    return rescaled(map_BCDHW.mean((1, 2, 3, 4))).tolist()
