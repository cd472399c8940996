"""Throughput of the stages of a run, and projections to other numbers of clips and machines.

Stored as one JSON line per piece of work in ``numbers.jsonl`` of the scratch folder, because the bytes of artifacts must not
depend on time.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from lcvd.cache.atomic import append_json_line, read_json_lines
from lcvd.errors import UsageError

FILE = "numbers.jsonl"
KEPT = 500
"""Number of lines that are kept."""
WAITING, OTHER = "waiting", "unnamed"


@dataclass(frozen=True)
class Work:
    """Measurements of one piece of work: a stage, or one of its maps over clips."""

    name: str
    ended: str
    """UTC, ISO 8601."""
    machine: str
    """Processor, cores, accelerator."""
    kind: str
    """Kind of task runner; ``alone``: a single process."""
    workers: int
    threads: int
    """Per worker; 0: not limited."""
    wall_s: float
    busy_s: float
    """Seconds that all workers together spent on clips."""
    clips: int
    computed: int
    """Number of clips whose result wasn't in the cache."""
    computed_s: float
    """Worker seconds spent on those; 0: not measured per clip."""
    frames: int
    """Number of decoded source frames."""
    parts: dict[str, float]
    """Worker seconds by named part."""

    def shares(self) -> dict[str, float]:
        """Fraction of all workers' time by part, largest first; they add up to 1.

        `WAITING`: a worker had no chunk (start-up, the runner's overhead, the end of a run). `OTHER`: not measured by part.
        """
        whole = max(self.workers * self.wall_s, self.busy_s, 1e-9)
        found = {**self.parts, OTHER: self.busy_s - sum(self.parts.values()), WAITING: whole - self.busy_s}
        shares = {name: max(0.0, seconds / whole) for name, seconds in found.items()}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    @property
    def bottleneck(self) -> str:
        """The part with the largest share."""
        return next(iter(self.shares()), OTHER)

    @property
    def seconds_a_clip(self) -> float:
        """Worker seconds per uncached clip (per clip if they weren't measured separately); NaN without clips."""
        if self.computed and self.computed_s:
            return self.computed_s / self.computed
        return self.busy_s / self.clips if self.clips and not self.computed_s else float("nan")


def note(scratch: Path, work: Work) -> None:
    """Append `work` to the numbers in the scratch folder."""
    append_json_line(scratch / FILE, dataclasses.asdict(work), KEPT)


def measured(scratch: Path) -> list[Work]:
    """The last measurement of each piece of work that computed something, in the order in which they ended."""
    names = {field.name for field in dataclasses.fields(Work)}
    last: dict[str, Work] = {}
    for row in read_json_lines(scratch / FILE):
        if set(row) == names and row["computed"]:  # other fields: written by another version of this module
            last.pop(row["name"], None)
            last[row["name"]] = Work(**row)
    return list(last.values())


def summary(work: Work, parts: int = 4) -> str:
    """One line: rates, the largest `parts` shares of the time, and the bottleneck."""
    shares = [f"{share:.0%} {name}" for name, share in list(work.shares().items())[:parts] if share >= 0.005]
    rate = f"{work.clips / work.wall_s:.3g} clips/s, {work.frames / work.wall_s:.3g} frames/s" if work.wall_s else ""
    cached = f", {work.clips - work.computed} of {work.clips} from the cache" if work.computed < work.clips else ""
    return f"{rate}{cached}; {', '.join(shares)}; bottleneck: {work.bottleneck}"


@dataclass(frozen=True)
class Planned:
    """Projected time and cost of one piece of work."""

    name: str
    hours: float
    """Wall-clock time."""
    machine_hours: float
    cost: float


def plan(
    works: list[Work], clips: int, machines: int = 1, price: float = 0.0, longer: float = 1.0, workers: int = 0
) -> list[Planned]:
    """Projected time and cost of processing `clips`, one piece of work after the other.

    Assumes `machines` like the measured one, workers that are always busy (in a short run, waiting is mostly start-up)
    and no slow-down when more workers run in parallel. Work of a single process isn't spread over machines.

    Args:
        works: measurements.
        price: of one machine hour, in any currency.
        longer: average clip length relative to the measured clips.
        workers: on each machine; 0: as measured.

    Raises:
        UsageError: a number is out of range.
    """
    if clips < 1 or machines < 1 or price < 0 or longer <= 0 or workers < 0:
        raise UsageError("clips and machines are at least 1, price and workers at least 0, longer is above 0")
    planned = []
    for work in works:
        alone = work.kind == "alone"
        hours = clips * longer * work.seconds_a_clip / (1 if alone else workers or work.workers) / 3600
        planned.append(Planned(work.name, hours if alone else hours / machines, hours, hours * price))
    return planned
