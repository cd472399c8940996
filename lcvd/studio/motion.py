"""Head motion, speech, blinks and light motion: smooth, random and a pure function of the seed."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from lcvd.array import Array
from lcvd.light.presets import ambient, expose, lamp

TURN = np.radians([7.0, 15.0, 6.0])
"""Maximum rotation about x (nod), y (shake) and z (tilt), radians."""
SWAY = 0.02
"""Maximum translation of the head, in head heights."""
BLINK_S, BLINKS_EVERY_S = 0.28, 3.0
LAMP_ANGLE = 1.2
"""Maximum angle between a moving lamp and the camera axis, radians."""
FILLS = (0.2, 1.5)
"""Range of the ambient fill light relative to the moving lamp."""
TINTS = ((1.0, 1.0, 1.0), (1.15, 1.0, 0.82), (0.85, 0.98, 1.16))
_JAW, _SYLLABLES = 0.32, 3.6


def poses(seed: int, frames: int, fps: float, first: Array) -> Array:
    """Axis-angle poses (frames, 3) float32 around the pose `first` (3,)."""
    turns = waves(np.random.default_rng([seed, 1]), frames, fps, 3, slowest=0.12, fastest=0.55) * TURN
    return (Rotation.from_rotvec(turns) * Rotation.from_rotvec(first)).as_rotvec().astype(np.float32)


def shifts(seed: int, frames: int, fps: float) -> Array:
    """Translations (frames, 2) of the head to the right and up, in model units."""
    return (SWAY * waves(np.random.default_rng([seed, 2]), frames, fps, 2, slowest=0.1, fastest=0.4)).astype(np.float32)


def expressions(seed: int, frames: int, fps: float, names: Sequence[str], first: Array) -> Array:
    """Expressions (frames, E) float32 in [0, 1]: speech, blinks, and slow brow and smile motion, added to `first` (E,)."""
    rng, time = np.random.default_rng([seed, 3]), np.arange(frames) / fps
    added = np.zeros((frames, len(names)))

    def add(name: str, values: Array) -> None:
        added[:, names.index(name)] += values

    loud = np.clip(0.5 + waves(rng, frames, fps, 1, slowest=0.3, fastest=0.9)[:, 0], 0, 1)
    syllables = np.sin(2 * np.pi * _SYLLABLES * (time + 0.06 * waves(rng, frames, fps, 1, 0.5, 1.0)[:, 0])) ** 2
    add("jawOpen", _JAW * loud * syllables)
    round_wide = waves(rng, frames, fps, 2, slowest=0.8, fastest=2.2) * loud[:, None]
    add("mouthFunnel", 0.35 * np.clip(round_wide[:, 0], 0, 1))
    for side in ("Left", "Right"):
        add(f"mouthStretch{side}", 0.3 * np.clip(-round_wide[:, 0], 0, 1))
        add(f"mouthSmile{side}", 0.3 * np.clip(round_wide[:, 1], 0, 1))
    brows = np.clip(waves(rng, frames, fps, 1, slowest=0.15, fastest=0.5)[:, 0], 0, 1)
    add("browInnerUp", 0.5 * brows)
    closed = _blinks(rng, time)
    for side in ("Left", "Right"):
        add(f"eyeBlink{side}", closed)
    return np.clip(first + added, 0, 1).astype(np.float32)


def lights(seed: int, frames: int, fps: float) -> Array:
    """Lights (frames, 9, 3) of one tinted lamp that passes in front of the face every second or two, plus ambient fill.

    Their range covers every preset: the lamp is within `LAMP_ANGLE` of the camera axis on all sides and the fill within
    `FILLS`. Each clip has soft and hard light, like a portrait and its target light. With slower motion a training
    window would show a single light: the reference image would determine it, and the model would learn to ignore the
    hint.
    """
    rng = np.random.default_rng([seed, 4])
    right, up, softness = waves(rng, frames, fps, 3, slowest=0.25, fastest=0.6).T
    right, up = 2.0 * right + rng.uniform(-0.5, 0.5), 1.8 * up + rng.uniform(-0.3, 0.5)
    fills = np.clip(0.45 * np.exp(1.5 * softness + rng.uniform(-0.4, 0.4)), *FILLS)
    # Azimuthal equidistant projection: distance in the plane is the angle from the axis.
    around, angle = np.arctan2(up, right), np.minimum(np.hypot(right, up), LAMP_ANGLE)
    directions = np.stack([np.sin(angle) * np.cos(around), np.sin(angle) * np.sin(around), np.cos(angle)], axis=-1)
    tint = TINTS[rng.integers(len(TINTS))]
    return np.stack([expose(lamp(to, tint) + ambient([fill] * 3)) for to, fill in zip(directions, fills, strict=True)])


def waves(rng: np.random.Generator, frames: int, fps: float, count: int, slowest: float, fastest: float) -> Array:
    """Smooth curves (frames, count) within [-1, 1]: sums of three sines each, with frequencies between the two limits
    in Hz."""
    time = np.arange(frames)[:, None, None] / fps
    speed = np.exp(rng.uniform(np.log(slowest), np.log(fastest), (3, count)))
    phase, size = rng.uniform(0, 2 * np.pi, (3, count)), rng.uniform(0.5, 1.0, (3, count))
    return (size / size.sum(0) * np.sin(2 * np.pi * speed * time + phase)).sum(1)


def _blinks(rng: np.random.Generator, time: Array) -> Array:
    closed = np.zeros_like(time)
    moment = rng.uniform(0.3, BLINKS_EVERY_S)
    while moment < time[-1] + BLINK_S:
        phase = np.clip((time - moment) / BLINK_S, -0.5, 0.5)
        closed = np.maximum(closed, np.cos(np.pi * phase) ** 2)
        moment += rng.uniform(0.5, 1.5) * BLINKS_EVERY_S
    return closed
