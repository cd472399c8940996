"""Speed of face reconstruction: our batched path, which decodes a clip once, against the structure of the published one
(`benchmarks.face_reference`).

Both use the same networks and sizes with random weights, and are measured alternately in one run. Detectors and matting
networks are excluded from both and timed separately. The rasteriser is excluded from the reference only (PyTorch3D
takes 7.5 s per frame on a CPU). Our path includes writing the stage's files: lossless masks. ``python -m
benchmarks.face --json`` prints one JSON object on its last line: ``ratio`` end to end, ``ratio_relight`` for a second
light with cached codes, ``hint_ms`` per frame.
"""

import copy
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.clock import Clock, command_line, medians, rounded, timed
from benchmarks.face_reference import FrameInputs, frame, published_list, write_frames
from benchmarks.shading import clip_codes
from lcvd.array import Array
from lcvd.config.filter import TrackSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.deca import FEATURES, HIDDEN, DecaEncoder, ResNet50, encode
from lcvd.face.deca_crop import crop_transform, warp
from lcvd.face.head import load_head
from lcvd.face.masks.mediapipe import MediaPipeClipMasker
from lcvd.face.masks.u2net import U2NetClipMasker
from lcvd.face.track import Tracker
from lcvd.face.u2net import U2Net
from lcvd.light.presets import preset
from lcvd.render.hints import hints_of, surfaces_of
from lcvd.video.clip import Clip
from lcvd.video.decode import frames
from lcvd.video.encode import write_h264, write_lossless

DETAIL = 128
"""Output size of the published path's second encoder, whose output is unused."""
WINDOW = 16
RELIGHTS = 5
"""Additional lights per round: one alone is so fast that other load on the machine would distort it."""


class DetailEncoder(nn.Module):
    """The structure of E_detail: E_flame's trunk with a smaller output. The published path runs it and discards its
    output."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet50()
        self.layers = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, DETAIL))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops (B, 3, 224, 224) to (B, 128)."""
        found: torch.Tensor = self.layers(self.encoder(crops))
        return found


def make_clip(path: Path, size: int, count: int, codes: FaceCodes) -> Clip:
    """A head under its own light in front of a textured wall, with camera noise, so that decoding costs as much as for
    real footage."""
    random = np.random.default_rng(0)
    wall = cv2.resize(random.uniform(40, 200, (24, 24, 3)), (size, size), interpolation=cv2.INTER_CUBIC)
    images = np.concatenate(list(hints_of(load_head(), codes, size, backend="numba"))).astype(np.float32)
    shown = np.where(images.max(-1, keepdims=True) > 0, images, wall) + random.normal(0, 4, images.shape)
    write_h264(path, [np.clip(shown, 0, 255).astype(np.uint8)], 25.0, crf=18, pix_fmt="yuv420p")
    return Clip("bench", "", path, "", 0, count, 25.0, size, size, None, "", "")


def ours(
    clip: Clip, inputs: list[FrameInputs], encoder: DecaEncoder, codes: FaceCodes, folder: Path, clock: Clock
) -> Array:
    """The batched path over a clip; returns the hints (t, S, S, 3) uint8 of the last window."""
    head, hints = load_head(), np.zeros(0)
    masks, start, windows = [], 0, frames(clip, WINDOW)
    while True:
        with clock.part("decode"):
            window = next(windows, None)
        if window is None:
            break
        stop = start + len(window)
        with clock.part("warp"):
            crops = warp(window, np.stack([crop_transform(one.centre, int(one.side)) for one in inputs[start:stop]]))
        with clock.part("encoder"):
            encode(encoder, crops)
        with clock.part("render"):
            hints = np.concatenate(
                list(hints_of(head, codes.window(slice(start, stop)), window.shape[1], backend="numba"))
            )
        with clock.part("mask"):
            large = [cv2.resize(one.matte, window.shape[1:3]) > 0.5 for one in inputs[start:stop]]
            masks.append(np.where(np.stack(large), np.uint8(255), np.uint8(0)))
        start = stop
    with clock.part("files"):
        write_lossless(folder / "mask.mkv", masks, clip.fps)
    return hints


def reference(
    clip: Clip, inputs: list[FrameInputs], encoders: list[nn.Module], codes: FaceCodes, folder: Path, clock: Clock
) -> Array:
    """The published path over the first `len(inputs)` frames of a clip; returns the last hint (S, S, 3) uint8."""
    head, hint = load_head(), np.zeros(0)
    faces = torch.from_numpy(head.hint_faces[published_list(head.hint_faces)])
    write_frames(clip.media, folder, len(inputs), clip.width, clock)
    for t, one in enumerate(inputs):
        hint = frame(t, folder, one, encoders, head, codes, faces, clock)
    return hint


def run(size: int, count: int, rounds: int, reference_frames: int) -> dict[str, Any]:
    """Measure both paths alternately; medians over `rounds`."""
    torch.manual_seed(0)
    head, codes = load_head(), clip_codes(count)
    encoder, detail = DecaEncoder().eval(), DetailEncoder().eval()
    listed = published_list(head.hint_faces)
    first = np.searchsorted(listed, np.arange(len(head.hint_faces)))
    ours_ms: list[dict[str, float]] = []
    theirs_ms: list[dict[str, float]] = []
    relight_ms: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        clip = make_clip(folder / "clip.mp4", size, count, codes)
        inputs = _frame_inputs(codes, size, first)
        batched = copy.deepcopy(encoder).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        ours(clip, inputs, batched, codes, folder, Clock())  # compiles, and starts threads
        for _ in range(rounds):
            ours_ms.append(_timed(lambda clock: ours(clip, inputs, batched, codes, folder, clock), count))
            theirs_ms.append(
                _timed(
                    lambda clock: reference(clip, inputs[:reference_frames], [encoder, detail], codes, folder, clock),
                    reference_frames,
                )
            )
            for _ in range(RELIGHTS):
                seconds, _ = timed(lambda: list(hints_of(head, codes, size, preset("left"), backend="numba")))
                relight_ms.append(1000 * seconds / count)
        difference = _difference(clip, inputs, batched, codes, folder)
        excluded = _excluded_ms(clip)
    mine, theirs = medians(ours_ms), medians(theirs_ms)
    hint_ms = statistics.median(relight_ms)
    return {
        "size": size,
        "frames": count,
        "faces": len(head.hint_faces),
        "threads": torch.get_num_threads(),
        "ours_ms": rounded(mine, 3),
        "reference_ms": rounded(theirs, 3),
        "ours_fps": round(1000 / sum(mine.values()), 1),
        "reference_fps": round(1000 / sum(theirs.values()), 1),
        "ours_share": rounded({name: ms / sum(mine.values()) for name, ms in mine.items()}, 3),
        "reference_share": rounded({name: ms / sum(theirs.values()) for name, ms in theirs.items()}, 3),
        "apart_ms": rounded(excluded, 3),
        "mean_abs_difference": round(difference, 4),
        "hint_ms": round(hint_ms, 3),
        "ratio": round(sum(theirs.values()) / sum(mine.values()), 2),
        "ratio_relight": round(sum(theirs.values()) / hint_ms, 1),
    }


def _frame_inputs(codes: FaceCodes, size: int, first: Array) -> list[FrameInputs]:
    found = []
    y, x = np.mgrid[:320, :320] / 320 - 0.5
    matte = (1 / (1 + np.exp(40 * (np.hypot(x, 0.8 * y) - 0.35)))).astype(np.float32)
    for part, surface in surfaces_of(load_head(), codes, size, backend="numba"):
        for i in range(part.stop - part.start):
            seen = surface.fragments
            index = np.where(seen.face_index[i] >= 0, first[seen.face_index[i]], -1).astype(np.int32)
            fragments = type(seen)(index[None], seen.bary[i : i + 1], seen.depth[i : i + 1])
            found.append(FrameInputs(np.array([size / 2, size / 2]), 0.7 * size, matte, fragments))
    return found


def _timed(work: Callable[[Clock], Array], count: int) -> dict[str, float]:
    clock = Clock()
    work(clock)
    return clock.ms(count)


def _difference(clip: Clip, inputs: list[FrameInputs], encoder: DecaEncoder, codes: FaceCodes, folder: Path) -> float:
    """Mean difference in grey levels between both paths' hints of one frame, as a check. The reference weights normals
    by repeated triangles, ours does not."""
    mine = ours(clip, inputs, encoder, codes, folder, Clock())[-1]
    theirs = reference(clip, inputs, [], codes, folder, Clock())
    return float(np.abs(mine.astype(int) - theirs).mean())


def _excluded_ms(clip: Clip) -> dict[str, float]:
    """Milliseconds per frame of what both paths exclude: the open detector and masks, and U²-Net with random weights."""
    window = next(frames(clip, WINDOW))
    parts = {
        "mediapipe_landmarks": (Tracker(TrackSettings()).update, len(window)),
        "mediapipe_mask": (MediaPipeClipMasker().update, len(window)),
        "u2net_mask": (U2NetClipMasker(network=U2Net().eval()).update, 2),
    }
    return {name: 1000 * timed(partial(work, window[:count]))[0] / count for name, (work, count) in parts.items()}


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--size", type=int, default=512, help="side of the clip and of the hints in pixels")
    parser.add_argument("--frames", type=int, default=32, help="frames of the clip")
    parser.add_argument("--rounds", type=int, default=3, help="alternating measurements; medians are reported")
    parser.add_argument("--reference-frames", type=int, default=12, help="frames per round of the reference path")
    options = parser.parse_args()
    found = run(options.size, options.frames, options.rounds, options.reference_frames)
    if not options.json:
        for name in ("ours", "reference"):
            parts = ", ".join(f"{part} {ms:.1f}" for part, ms in found[f"{name}_ms"].items())
            print(f"{name:9} {found[f'{name}_fps']:6.1f} frames/s; ms per frame: {parts}")
        print(
            f"excluded from both, ms per frame: {found['apart_ms']}; {os.cpu_count()} cores, {found['threads']} threads"
        )
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
