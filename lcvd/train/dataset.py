"""Random access to the clips of a split. Decoded clips are cached in memory if all fit; broken clips are logged and counted."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lcvd.errors import FileError
from lcvd.light.direction_bins import balanced, bin_of, histogram
from lcvd.render.sh import contrast, dominant_direction
from lcvd.shard.latents_format import Key
from lcvd.train.shard_index import BrokenClip, Entry, FrameData, index_of

log = logging.getLogger(__name__)


class Clips:
    """The clips of one split at the model's size, in order of id. It includes broken clips, so its length is the index's.

    Args:
        size: side of the frames in pixels, at most the shards' size.
        memory_mb: if all decoded clips fit into this many megabytes, they are decoded once by `threads` threads and cached.
        key: key of the prepared latents to use (`lcvd.model.fingerprint`); None reads frames instead.
        render: render hints from the face codes instead of reading them.
        with_codes: include the face codes.
        max_broken: maximum fraction of broken clips.
        balance_light: strength of balancing by light direction (`lcvd.light.direction_bins.balanced`); 0 means none.

    Attributes:
        weights: sampling weights of the clips, None if all are equal.
        broken: reasons by clip id, as far as known: truncated shards are detected at once, other damage on decoding.

    Raises:
        MissingFile: the split isn't there.
        FileError: the split is empty, its images are smaller than `size`, its prepared latents aren't by `key`, or too
            many clips are broken; names the clip.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        *,
        size: int,
        memory_mb: int,
        threads: int = 1,
        key: Key | None = None,
        render: bool = False,
        with_codes: bool = False,
        max_broken: float = 0.0,
        balance_light: float = 0.0,
    ) -> None:
        self._entries, damaged = index_of(folder, split, size, key)
        self._ids = sorted((*self._entries, *damaged))
        if not self._ids:
            raise FileError(f"{folder / split}: no clips; see the ledgers of filter, reconstruct and shard for why")
        self._size, self._render, self._with_codes = size, render, with_codes
        self._max_broken, self._lock = max_broken, threading.Lock()
        self.broken: dict[str, str] = {}
        for id, why in damaged.items():
            self._note(id, why)
        self.weights = self._balanced(balance_light) if balance_light else None
        self._held: dict[str, FrameData] = {}
        if sum(entry.bytes_in_memory(size) for entry in self._entries.values()) <= memory_mb * 1e6:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(self._hold, self._entries.values()))

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self._ids)

    def id(self, clip: int) -> str:
        """Return the id of a clip."""
        return self._ids[clip]

    def is_broken(self, clip: int) -> bool:
        """Whether a clip is known to be broken."""
        return self._ids[clip] in self.broken

    def length(self, clip: int) -> int:
        """Return the number of frames of an intact clip."""
        return self._entries[self._ids[clip]].meta.frames

    def frame_data(self, clip: int, indices: Sequence[int]) -> FrameData | None:
        """Return the frames `indices` of a clip, in that order. Indices may repeat. See `FrameData.window`.

        Returns None for a broken clip, and records it.

        Raises:
            FileError: with it, too many are.
        """
        id = self._ids[clip]
        if id in self._held:
            return self._held[id].window(indices)
        entry, at = self._entries[id], list(indices)
        return self._decoded(entry, at[:1] if entry.header else at, at)

    def _balanced(self, strength: float) -> tuple[float, ...]:
        """Compute sampling weights by light-direction bin. Broken clips, which are never used, count as even light."""
        bins = []
        for id in self._ids:
            light = np.zeros((9, 3), np.float32)
            try:
                light = self._entries[id].light() if id in self._entries else light
            except BrokenClip as error:
                self._note(id, str(error))
            bins.append(bin_of(dominant_direction(light), float(contrast(light))))
        log.info("clips by light direction: %s", histogram(bins))
        return tuple(balanced(bins, strength))

    def _hold(self, entry: Entry) -> None:
        everything = range(entry.meta.frames)
        if images := self._decoded(entry, everything, everything):
            self._held[entry.id] = images

    def _decoded(self, entry: Entry, frames: Sequence[int], rest: Sequence[int]) -> FrameData | None:
        try:
            return entry.frame_data(self._size, frames, rest, self._render, self._with_codes)
        except BrokenClip as error:
            self._note(entry.id, str(error))
            return None

    def _note(self, id: str, why: str) -> None:
        with self._lock:
            if id in self.broken:
                return
            self.broken[id] = why
            count, total = len(self.broken), len(self)
            log.warning("broken clip %s left out (%d of %d so far): %s", id, count, total, why)
            if count > self._max_broken * total:
                raise FileError(
                    f"{count} of {total} clips are broken, more than train.max_broken ({self._max_broken:g}) allows: "
                    f"{', '.join(sorted(self.broken))}; the last one: {why}"
                )
