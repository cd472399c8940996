"""A metric's record: its value, its confidence interval, and what it was measured on and with."""

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
    """How a method's numbers were measured. Only numbers of equal setups are comparable (`lcvd.evaluate.compare`)."""

    clip_set: str
    """Short name of the set of clips (`clip_set`)."""
    lights: tuple[str, ...]
    """Names of the target lights."""
    size: int
    """Side in pixels of the frames."""
    fps: tuple[float, ...]
    """Frame rates of the clips, in ascending order."""
    seed: int
    """Seed of all random draws: initial noise, bootstrap, positions in real videos."""
    made: str = ""
    """How the method samples its videos (recipe, steps, guidance); '' if nothing is sampled."""
    sampling: str = ""
    """Which frames of a video are measured, in words."""


@dataclass(frozen=True)
class Record:
    """One measured number. `name` is the metric's own name; an open replacement never has a published metric's name."""

    name: str
    value: float
    clips: int
    frames: int
    direction: Direction
    """Which values are better; ``reference``: those closer to the driving video's value."""
    setup: Setup
    weights: str = ""
    """File name of the network's weights, '' without a network."""
    sha256: str = ""
    """SHA-256 of that file."""
    interval: tuple[float, float] | None = None
    """Bootstrap 95 % interval over clips; None with fewer than two clips."""
    missing: int = 0
    """Number of frames that couldn't be measured."""
    samples: tuple[int, int] | None = None
    """Distances between sets only: number of rows of the real and of the generated set (frames, or clips of 16 frames)."""
    notes: tuple[str, ...] = field(default=())
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of the packages that computed it."""

    def plain(self) -> dict[str, Any]:
        """The record for JSON: numbers rounded to 6 significant digits, NaN as None."""
        plain = asdict(self)
        plain["value"] = rounded(self.value)
        plain["interval"] = [rounded(edge) for edge in self.interval] if self.interval else None
        plain["samples"] = list(self.samples) if self.samples else None
        return {**plain, "setup": _lists(plain["setup"]), "notes": list(self.notes)}


def clip_set(clips: Iterable[str]) -> str:
    """A short name of a set of clip ids, independent of their order."""
    return hashlib.sha256("\n".join(sorted(set(clips))).encode()).hexdigest()[:12]


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of distributions, by name, without those that aren't installed."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def mean_interval(per_clip: ArrayLike, seed: int, resamples: int = RESAMPLES) -> tuple[float, float] | None:
    """Bootstrap 95 % interval of the mean of (C,) clip values, without NaN; None with fewer than two values."""
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
    """Bootstrap 95 % interval of a number that isn't a mean; None with fewer than two `clips`.

    `statistic` returns the number for a resample, given as (clips,) multiplicities.
    """
    if clips < 2:
        return None
    rng = np.random.default_rng(seed)
    picks = rng.integers(clips, size=(resamples, clips))
    values = [statistic(np.bincount(pick, minlength=clips).tolist()) for pick in picks]
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def rounded(value: float) -> float | None:
    """`value` with six significant digits and at most nine decimal places; None if it isn't finite."""
    return round(float(f"{value:.6g}"), 9) + 0.0 if math.isfinite(value) else None


def _lists(setup: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples as lists, as JSON returns them, so that a record from a file equals a new one."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in setup.items()}
