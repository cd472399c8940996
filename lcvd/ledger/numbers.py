"""How fast the pieces of work of a run were, and what so many clips would take on so many machines.

One JSON line a piece of work, in ``numbers.jsonl`` of the scratch folder: outside every artifact, whose bytes don't depend on
time.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import write_text_whole
from lcvd.errors import UsageError

FILE = "numbers.jsonl"
KEPT = 500
"""Lines that are kept."""
WAITING, OTHER = "waiting", "unnamed"


@dataclass(frozen=True)
class Work:
    """What was measured of one piece of work: a stage, or one of its maps over clips."""

    name: str
    ended: str
    """UTC, ISO 8601."""
    machine: str
    """Processor, cores, accelerator."""
    kind: str
    """Task runner; ``alone`` for what one process does."""
    workers: int
    threads: int
    """Of each worker; 0 where it isn't set."""
    wall_s: float
    busy_s: float
    """Seconds that workers spent on clips, added up."""
    clips: int
    computed: int
    """Clips whose result wasn't in the cache."""
    computed_s: float
    """Worker seconds of those; 0 where clips aren't told apart."""
    frames: int
    """Source frames decoded."""
    parts: dict[str, float]
    """Worker seconds by named part."""

    def shares(self) -> dict[str, float]:
        """Share of all workers' time by part, largest first; `WAITING` is what no chunk was in a worker's hands (its start,
        the runner's own work, the end of a run), `OTHER` what no part names. They add up to 1."""
        whole = max(self.workers * self.wall_s, self.busy_s, 1e-9)
        found = {**self.parts, OTHER: self.busy_s - sum(self.parts.values()), WAITING: whole - self.busy_s}
        shares = {name: max(0.0, seconds / whole) for name, seconds in found.items()}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    @property
    def bottleneck(self) -> str:
        """The part that took most time."""
        return next(iter(self.shares()), OTHER)

    @property
    def seconds_a_clip(self) -> float:
        """Worker seconds of a clip that wasn't in the cache (of any where they aren't told apart); NaN without clips."""
        if self.computed and self.computed_s:
            return self.computed_s / self.computed
        return self.busy_s / self.clips if self.clips and not self.computed_s else float("nan")


def note(scratch: Path, work: Work) -> None:
    """Add a line; a line is written at once, so that two runs don't mix theirs."""
    path = scratch / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(dataclasses.asdict(work)) + "\n")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if len(lines) > 2 * KEPT:
        write_text_whole(path, "".join(lines[-KEPT:]))


def measured(scratch: Path) -> list[Work]:
    """Of each piece of work the last one that computed something, in the order in which they ended."""
    last: dict[str, Work] = {}
    for work in _lines(scratch / FILE):
        if work.computed:
            last.pop(work.name, None)
            last[work.name] = work
    return list(last.values())


def _lines(path: Path) -> Iterator[Work]:
    names = {field.name for field in dataclasses.fields(Work)}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            found: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # torn when a machine went down
        if set(found) == names:  # else of another version of this file
            yield Work(**found)


def told(work: Work, parts: int = 4) -> str:
    """One line: rates, shares of time, bottleneck."""
    shares = [f"{share:.0%} {name}" for name, share in list(work.shares().items())[:parts] if share >= 0.005]
    rate = f"{work.clips / work.wall_s:.3g} clips/s, {work.frames / work.wall_s:.3g} frames/s" if work.wall_s else ""
    cached = f", {work.clips - work.computed} of {work.clips} from the cache" if work.computed < work.clips else ""
    return f"{rate}{cached}; {', '.join(shares)}; bottleneck: {work.bottleneck}"


@dataclass(frozen=True)
class Planned:
    """What one piece of work would take."""

    name: str
    hours: float
    """By the clock."""
    machine_hours: float
    cost: float


def plan(
    works: list[Work], clips: int, machines: int = 1, price: float = 0.0, longer: float = 1.0, workers: int = 0
) -> list[Planned]:
    """What `clips` would take, one piece of work after the other, on `machines` like the one measured.

    Workers are taken to be busy all the time (the time that they waited in a short run is mostly their start), and as fast
    beside each other as they were when measured. Work that one process does isn't spread over machines.

    Args:
        works: what was measured.
        price: of a machine's hour, in any currency.
        longer: how many times as many frames the planned clips have as those measured.
        workers: of each machine; 0 means as many as were measured.

    Raises:
        UsageError: a number below what makes sense.
    """
    if clips < 1 or machines < 1 or price < 0 or longer <= 0 or workers < 0:
        raise UsageError("clips and machines are at least 1, price and workers at least 0, longer is above 0")
    planned = []
    for work in works:
        seconds = clips * longer * work.seconds_a_clip
        alone = work.kind == "alone"
        each = 1 if alone else workers or work.workers
        hours = seconds / each / 3600
        clock = hours if alone else hours / machines
        planned.append(Planned(work.name, clock, hours, hours * price))
    return planned
