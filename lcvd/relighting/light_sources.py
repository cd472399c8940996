"""Resolve a light: a preset, file, image of a lit face, the portrait's or driving clip's own light, or keyframes."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.array import Array
from lcvd.cache.store import file_hash
from lcvd.config.settings import Settings
from lcvd.errors import LcvdError, UsageError
from lcvd.light import environment
from lcvd.light.presets import PRESETS, load_light, orbit, preset
from lcvd.relighting.media import media_of
from lcvd.relighting.portrait import reconstruct
from lcvd.render.sh import check_light

LIGHT_FILES = (".json", ".txt", ".npy")
ORBIT, REFERENCE, DRIVING = "orbit", "reference", "driving"
NAMES = (*sorted(PRESETS), ORBIT, REFERENCE, DRIVING)
KEYFRAMES = "keyframes"


@dataclass(frozen=True)
class LightContext:
    """The video that a light is for: `count` frames at `fps`, the portrait's own light (9, 3), and the driving clip's light
    per frame (count, 9, 3)."""

    count: int = 1
    fps: float = 25.0
    reference: Array | None = None
    driving: Array | None = None


def light_from(
    given: Any, scratch: Path, settings: Settings, yaw: float = 0.0, context: LightContext | None = None
) -> Array:
    """The light as SH coefficients: (9, 3), or one light per frame (count, 9, 3).

    Args:
        given: the name of a preset; an SH file with one light or `context.count` lights; an environment map
            (`lcvd.light.environment`); an image or clip, for the light on the face in its first frame; ``orbit``, a lamp
            that circles once; ``reference``, the portrait's own light; ``driving``, the driving clip's light; a keyframe
            file or its content (`keyframes`); or an array of either shape.
        scratch, settings: see `reconstruct`.
        yaw: rotation of an environment map to the right in degrees.
        context: the video that the light is for.

    Raises:
        UsageError: `given` is none of these or does not fit the video, or `yaw` is given without an environment map.
        ClipError: the image has no face or is unreadable; the message names the file.
    """
    context = context or LightContext()
    check_named(given, yaw)
    if isinstance(given, np.ndarray):
        return _fitting("light", check_light(given), context)
    if isinstance(given, Mapping):
        return keyframes(given, "light", Path(), scratch, settings, context)
    path = Path(given)
    if path.suffix.lower() in environment.SUFFIXES:
        return environment.load_environment(path, yaw)
    if str(given) in NAMES:
        return _named(str(given), context)
    if path.suffix.lower() in LIGHT_FILES:
        content = _keyframes_in(path)
        if content is not None:
            return keyframes(content, str(path), path.parent, scratch, settings, context)
        return _fitting(str(path), load_light(path), context)
    light: Array = reconstruct(media_of(path, scratch).beginning(), scratch, settings).codes.light[0]
    return light


def check_named(given: Any, yaw: float = 0.0) -> None:
    """Check a light before any face is reconstructed.

    Raises:
        UsageError: `given` is neither a name nor a file, or `yaw` is given without an environment map.
    """
    if not isinstance(given, (str, Path)):
        return
    if yaw and Path(given).suffix.lower() not in environment.SUFFIXES:
        raise UsageError(
            f"light {str(given)!r} can't be turned {yaw:g} degrees: only environment maps (.hdr, .exr) can"
        )
    if str(given) not in NAMES and not Path(given).is_file():
        close = difflib.get_close_matches(str(given), NAMES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"light {str(given)!r} is neither a preset ({', '.join(NAMES)}) nor a file{hint}")


def sources_of(given: Any) -> list[tuple[str, str]]:
    """Name and SHA-256 of the file that a light is read from; empty if it is not a file."""
    if isinstance(given, (str, Path)) and str(given) not in NAMES and Path(given).is_file():
        return [(Path(given).name, file_hash(Path(given)))]
    return []


def keyframes(
    content: Mapping[str, Any], name: str, folder: Path, scratch: Path, settings: Settings, context: LightContext
) -> Array:
    """Lights (count, 9, 3) of ``{"keyframes": [{"time": seconds, "light": ..., "yaw": degrees}, ...]}``.

    Each light is a name, a file relative to `folder`, or nine rows of three numbers. SH coefficients are interpolated
    linearly in time, and constant before the first and after the last keyframe.

    Raises:
        UsageError: an entry is wrong, or the times do not increase; the message gives `name` and the entry's number.
    """
    entries = content.get(KEYFRAMES)
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{name}: {KEYFRAMES} must be a list of entries with time and light")
    times: list[float] = []
    lights: list[Array] = []
    for number, entry in enumerate(entries, 1):
        where = f"{name}: keyframe {number}"
        if not isinstance(entry, dict) or not {"time", "light"} <= set(entry) <= {"time", "light", "yaw"}:
            raise UsageError(f"{where}: expected time, light and, for an environment map, yaw; got {entry!r}")
        time = entry["time"]
        if not isinstance(time, (int, float)) or isinstance(time, bool) or not 0 <= time < float("inf"):
            raise UsageError(f"{where}: time is {time!r}; it must be seconds, 0 or more")
        if times and time <= times[-1]:
            raise UsageError(f"{where}: time {time:g} s isn't after {times[-1]:g} s; put keyframes in order of time")
        try:
            lights.append(_entry_light(entry, folder, scratch, settings, context))
        except LcvdError as error:
            raise UsageError(f"{where}: {error}") from None
        times.append(float(time))
    return _interpolated(np.array(times), lights, context)


def _entry_light(
    entry: Mapping[str, Any], folder: Path, scratch: Path, settings: Settings, context: LightContext
) -> Array:
    given = entry["light"]
    if isinstance(given, list):
        return check_light(np.asarray(given, np.float32))
    if not isinstance(given, str):
        raise UsageError(f"light is {given!r}; expected a name, a file, or nine rows of three numbers")
    source = given if given in NAMES else folder / given
    return light_from(source, scratch, settings, float(entry.get("yaw", 0)), context)


def _interpolated(times: Array, lights: list[Array], context: LightContext) -> Array:
    """Interpolate between keyframes, whose lights may themselves change from frame to frame."""
    whole = np.stack([np.broadcast_to(light, (context.count, 9, 3)) for light in lights])
    if len(times) == 1:
        return np.ascontiguousarray(whole[0], np.float32)
    frames = np.arange(context.count)
    seconds = frames / context.fps
    after = np.clip(np.searchsorted(times, seconds, side="right"), 1, len(times) - 1)
    before = after - 1
    share = np.clip((seconds - times[before]) / (times[after] - times[before]), 0, 1)[:, None, None]
    return ((1 - share) * whole[before, frames] + share * whole[after, frames]).astype(np.float32)


def _named(name: str, context: LightContext) -> Array:
    if name == ORBIT:
        return orbit(context.count)
    if name in (REFERENCE, DRIVING):
        light = context.reference if name == REFERENCE else context.driving
        if light is None:
            raise UsageError(f"light {name!r} needs a {'portrait' if name == REFERENCE else 'driving clip'}")
        return light
    return preset(name)


def _fitting(name: str, light: Array, context: LightContext) -> Array:
    if light.ndim == 3 and len(light) != context.count:
        raise UsageError(f"{name}: lights for {len(light)} frames, but the video has {context.count}")
    return light


def _keyframes_in(path: Path) -> dict[str, Any] | None:
    if path.suffix.lower() == ".npy":
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None  # `load_light` reports the error
    return found if isinstance(found, dict) and KEYFRAMES in found else None
