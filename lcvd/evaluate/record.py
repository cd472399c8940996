"""A metric's record: its value, what it was measured on and with, and how sure it is."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lcvd.metrics.base import Direction

RESAMPLES = 1000


@dataclass(frozen=True)
class Setup:
    """How an arm's numbers were made. Numbers of different protocols aren't comparable (`lcvd.evaluate.compare`)."""

    clip_set: str
    """Which clips (`clip_set`)."""
    lights: tuple[str, ...]
    """Names of the lights asked for."""
    size: int
    """Side in pixels of the frames."""
    fps: tuple[float, ...]
    """Frames a second that occur among the clips, rising."""
    seed: int
    """Of everything random: starting noise, bootstrap, places in real videos."""
    made: str = ""
    """How the arm's videos were generated; '' where they weren't."""
    sampling: str = ""
    """Which frames of a video the metrics take."""


@dataclass(frozen=True)
class Record:
    """One measured number. `name` is the metric's own: a stand-in never carries a published metric's name."""

    name: str
    value: float
    clips: int
    frames: int
    direction: Direction
    """Which way is better; ``reference``: closer to the driving video's own value."""
    setup: Setup
    weights: str = ""
    """File name of the network behind it, '' for none."""
    sha256: str = ""
    """Of that file."""
    interval: tuple[float, float] | None = None
    """Bootstrap 95 % over clips; None with fewer than two clips."""
    missing: int = 0
    """Frames that couldn't be measured."""
    samples: tuple[int, int] | None = None
    """N of a distance between sets: rows of the real and of the generated one (frames, or clips of 16)."""
    notes: tuple[str, ...] = field(default=())
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the packages that computed it."""

    def plain(self) -> dict[str, Any]:
        """JSON-able form: numbers rounded to 6 significant digits, NaN as None."""
        plain = asdict(self)
        plain["value"] = rounded(self.value)
        plain["interval"] = [rounded(edge) for edge in self.interval] if self.interval else None
        plain["samples"] = list(self.samples) if self.samples else None
        return {**plain, "setup": _lists(plain["setup"]), "notes": list(self.notes)}


def clip_set(clips: Iterable[str]) -> str:
    """A short name of a set of clip ids: the same for the same clips, in whatever order."""
    return hashlib.sha256("\n".join(sorted(set(clips))).encode()).hexdigest()[:12]


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of distributions, by name; one that isn't installed is left out."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def mean_interval(per_clip: ArrayLike, seed: int, resamples: int = RESAMPLES) -> tuple[float, float] | None:
    """Bootstrap 95 % interval of the mean of (C,) clip values; NaN clips are left out, None with fewer than two."""
    values = np.asarray(per_clip, np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return None
    picks = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def bootstrap_interval(
    clips: int, statistic: Callable[[Sequence[int]], float], seed: int, resamples: int = 100
) -> tuple[float, float] | None:
    """Bootstrap 95 % interval of a number that isn't a mean.

    Args:
        clips: how many clips were measured.
        statistic: the number for a resample, told as (clips,) multiplicities.
        seed: of the resamples.
        resamples: how many.
    """
    if clips < 2:
        return None
    rng = np.random.default_rng(seed)
    picks = rng.integers(clips, size=(resamples, clips))
    values = [statistic(np.bincount(pick, minlength=clips).tolist()) for pick in picks]
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def rounded(value: float) -> float | None:
    """Six significant digits, nothing beyond the ninth decimal place; None for what isn't finite."""
    return round(float(f"{value:.6g}"), 9) + 0.0 if math.isfinite(value) else None


def _lists(setup: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back, so that a record read from a file equals one that was just made."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in setup.items()}
