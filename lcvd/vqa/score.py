"""Faster-VQA scores of clips: fragments are drawn, scored some at a time, and a clip's draws averaged (spec F)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from lcvd.config.filter import QualitySettings
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.vqa.fastervqa import WEIGHTS, FasterVqa, load_fastervqa, rescaled
from lcvd.vqa.fragments import Frames, look, plan
from lcvd.weights.registry import fingerprint, require

BATCH = 4
"""Draws that go through the network at once."""
HELD_BYTES = 1 << 28
"""Whole frames that are held at once: 43 of 1920 x 1080."""


@dataclass(frozen=True)
class Video:
    """Frames that are fetched when they are wanted."""

    frames: int
    height: int
    width: int
    fetch: Callable[[Sequence[int]], Frames]
    """Frames at indices: (n, H, W, 3) uint8 RGB."""


def video_of(clip: Clip) -> Video:
    """A clip, of which only the frames asked for are decoded."""
    return Video(clip.frames, clip.height, clip.width, partial(read, clip))


def scores(videos: Iterable[Video], quality: QualitySettings, network: FasterVqa | None = None) -> list[float]:
    """Score in [0, 1] of each video, the mean over its draws; equal seeds give equal scores.

    Draws of neighbouring videos share a batch, which may change a score's last bits.

    Args:
        videos: what to score; each is read when its turn comes.
        quality: sampling, seed and number of draws.
        network: `open_network` unless given.

    Raises:
        MissingWeights, ModelError: see `open_network`.
        ClipError: a frame doesn't decode.
    """
    network = network or open_network()
    looks = _looks(videos, quality)
    found: list[float] = []
    while part := list(islice(looks, BATCH)):
        found += _scored(network, np.stack(part))
    return np.asarray(found).reshape(-1, quality.draws).mean(1).tolist()


def open_network() -> FasterVqa:
    """The published network on the GPU, or on the CPU where there is none; loaded once a process.

    Raises:
        MissingWeights: the file isn't there; licence and place are named.
        ModelError: it isn't a checkpoint of this network.
    """
    return _loaded(require(WEIGHTS), fingerprint(WEIGHTS))


@functools.lru_cache(maxsize=1)
def _loaded(path: Path, fingerprint: str) -> FasterVqa:
    return load_fastervqa(path).to("cuda" if torch.cuda.is_available() else "cpu")


def _looks(videos: Iterable[Video], quality: QualitySettings) -> Iterator[Frames]:
    for video in videos:
        draws = plan(video.frames, video.height, video.width, quality.sampling, quality.seed, quality.draws)
        yield from look(draws, video.fetch, max(1, HELD_BYTES // (3 * video.height * video.width)))


@torch.inference_mode()
def _scored(network: FasterVqa, fragments_BCDHW: Frames) -> list[float]:
    device = network.vqa_head.fc_last.weight.device
    map_BCDHW = network(torch.from_numpy(fragments_BCDHW).to(device))
    return rescaled(map_BCDHW.mean((1, 2, 3, 4))).tolist()
