"""Random kills of the whole pipeline: ``python -m tests.chaos --kills 50 --seed 1``.

A small project is reproduced once without disturbance. Then all its outputs are deleted and `dvc repro` is started
repeatedly (after `tasks.ops.repair_dvc_lock`, as in `make demo`). Each run is killed at a random moment unless it
finishes first. When a run finishes, dvc.lock and every artifact must equal those of the undisturbed run; then the
outputs are deleted again. After each kill, every process of the run must exit within `EXIT_LIMIT_S`, and no stale lock
may block the next run.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tasks.ops.repair_dvc_lock import unlock
from tests.flows.conftest import make_project
from tests.processes import command_of, processes_in

EXIT_LIMIT_S = 10.0
KILLS_PER_RUN = 8.0
"""The mean time until a kill is the duration of an undisturbed run divided by this."""
SelectVictims = Callable[[psutil.Process, list[psutil.Process]], list[psutil.Process]]


class InvariantError(AssertionError):
    """A guarantee was violated."""


@dataclass(frozen=True)
class Kill:
    """What was killed, when, and how long the last process of the run took to exit."""

    how: str
    stage: str
    after_s: float
    exit_s: float


def _named(*words: str) -> SelectVictims:
    return lambda top, family: [each for each in family if any(word in _describe(each) for word in words)]


GROUP_LEADER: SelectVictims = lambda top, family: [top]  # noqa: E731
KINDS: dict[str, tuple[signal.Signals, SelectVictims]] = {
    "SIGKILL to the group": (signal.SIGKILL, GROUP_LEADER),
    "SIGTERM to the group": (signal.SIGTERM, GROUP_LEADER),
    "SIGINT to the group": (signal.SIGINT, GROUP_LEADER),
    "SIGKILL to dvc": (signal.SIGKILL, GROUP_LEADER),
    "SIGKILL to the stage": (signal.SIGKILL, _named("-m flows.")),
    "SIGKILL to a worker": (signal.SIGKILL, _named("multiprocessing.spawn", "lcvd.train.run")),
    "SIGKILL to the server": (signal.SIGKILL, _named("prefect.server.api.server")),
}


class Chaos:
    """Kills runs of the project in one folder; `log` receives a line per event."""

    def __init__(self, folder: Path, seed: int, log: Callable[[str], None] = print) -> None:
        self.project = make_project(folder)
        self.project.sources(self.project.FIRST, self.project.SECOND)
        self.project.settings(runner={"workers": 2}, train={"steps": 6, "checkpoint_every": 2, "processes": 1})
        self.project.commit()
        self.random, self.log = random.Random(seed), log
        self.kills: list[Kill] = []
        self.finished = self.repaired = 0
        self._log_file = folder.with_name(f"{folder.name}.log")
        self._remaining_kinds: list[str] = []

    def run_undisturbed(self) -> None:
        """Reproduce once without disturbance; later runs are compared with the result."""
        begin = time.monotonic()
        if code := self._start().wait():
            raise InvariantError(f"the undisturbed run ended with exit code {code}:\n{self._output()}")
        self.seconds, self.expected = time.monotonic() - begin, self._result()
        self._wait_for_exit("an undisturbed run", time.monotonic())
        self.log(f"undisturbed: {self.seconds:.0f} s, {len(self.expected)} files")
        self._clean()

    def run(self, kills: int, until: float = float("inf")) -> None:
        """Kill runs until `kills` or the time `until` is reached, then let the last run finish.

        Raises:
            InvariantError: processes outlive a kill, an undisturbed run fails, or its result differs.
        """
        while len(self.kills) < kills and time.monotonic() < until:
            self._attempt(self.random.expovariate(KILLS_PER_RUN / self.seconds))
        self._attempt(None)

    def _attempt(self, after: float | None) -> None:
        process, begin = self._start(), time.monotonic()
        try:
            code = process.wait(after if after is not None else 20 * self.seconds)
        except subprocess.TimeoutExpired:
            if after is None:
                raise InvariantError(f"an undisturbed run takes more than {20 * self.seconds:.0f} s") from None
            how, stage = self._kill(process), self._stage()
            killed = time.monotonic()
            code = process.wait(20 * self.seconds)
            # A run that loses a worker or the server may continue for a while after the kill.
            ended = killed if how.endswith(("group", "dvc")) else time.monotonic()
            exit_s = self._wait_for_exit(how, ended)
            self.kills.append(Kill(how, stage, killed - begin, exit_s))
            self.log(
                f"{len(self.kills):3}. {how:22} in {stage:12} after {killed - begin:5.1f} s: exit code {code}, last process ended {exit_s:.1f} s later"
            )
        else:
            if code:
                raise InvariantError(f"an undisturbed run ended with {code}:\n{self._output()}")
        if code == 0:
            self._compare()

    def _start(self) -> subprocess.Popen[bytes]:
        """Start a run as `make demo` does."""
        if unlock(self.project.folder):
            self.repaired += 1
            self.log("     repaired a corrupted .dvc/tmp/rwlock")
        self._log_file.write_text("")
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                ["dvc", "repro"], cwd=self.project.folder, env=self.project.shell(), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_restore_sigint,
            )  # fmt: skip

    def _kill(self, process: subprocess.Popen[bytes]) -> str:
        """Kill by the next kind of a shuffled list that has a running victim."""
        top = psutil.Process(process.pid)
        for _ in range(2):
            for how in tuple(self._remaining_kinds):
                number, victims = KINDS[how]
                if found := victims(top, processes_in(self.project.folder)):
                    self._remaining_kinds.remove(how)
                    victim = self.random.choice(sorted(found, key=lambda each: each.pid))
                    if how.endswith("group"):
                        os.killpg(process.pid, number)
                    else:
                        victim.send_signal(number)
                    return how
            self._remaining_kinds += self.random.sample(list(KINDS), len(KINDS))
        raise AssertionError("no process to kill, not even dvc")

    def _wait_for_exit(self, how: str, since: float) -> float:
        while left := processes_in(self.project.folder):
            if time.monotonic() - since > EXIT_LIMIT_S:
                raise InvariantError(
                    f"{how}: after {EXIT_LIMIT_S:g} s still running: " + "; ".join(map(_describe, left))
                )
            time.sleep(0.05)
        return max(0.0, time.monotonic() - since)

    def _stage(self) -> str:
        begun = [line.split("'")[1] for line in self._output().splitlines() if line.startswith("Running stage '")]
        return begun[-1] if begun else "-"

    def _output(self) -> str:
        return self._log_file.read_text(errors="replace")[-8000:]

    def _result(self) -> dict[str, str]:
        files = [self.project.folder / "dvc.lock", *_files(self.project.folder / "data")]
        return {
            str(path.relative_to(self.project.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }

    def _compare(self) -> None:
        found = self._result()
        if different := sorted(
            name for name in self.expected.keys() | found.keys() if self.expected.get(name) != found.get(name)
        ):
            raise InvariantError(
                f"after {len(self.kills)} kills {len(different)} files differ from the undisturbed run: {different[:8]}"
            )
        self.finished += 1
        self.log(f"     finished: all {len(found)} files equal those of the undisturbed run")
        self._clean()

    def _clean(self) -> None:
        """Delete all outputs of runs."""
        self.project.run("git", "clean", "-d", "-x", "--force", "--quiet", "--exclude", ".dvc/config.local")


def _restore_sigint() -> None:
    """A shell's background processes ignore SIGINT, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _describe(process: psutil.Process) -> str:
    return f"{process.pid} {command_of(process)[:200]}"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Kill runs and report the result."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop killing after this time")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        chaos = Chaos(Path(folder).resolve() / "project", options.seed, lambda text: print(text, flush=True))
        chaos.run_undisturbed()
        try:
            chaos.run(options.kills, time.monotonic() + 60 * options.minutes)
        except InvariantError as error:
            print(f"failed after {len(chaos.kills)} kills, seed {options.seed}: {error}", flush=True)
            sys.exit(1)
        finally:
            for process in processes_in(Path(folder).resolve()):
                process.kill()
    kinds = Counter(kill.how for kill in chaos.kills)
    stages = Counter(kill.stage for kill in chaos.kills)
    print(
        f"seed {options.seed}: {len(chaos.kills)} kills, {chaos.finished} runs finished, all equal to the undisturbed one"
    )
    print("  by kind: " + ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())))
    print("  by stage: " + ", ".join(f"{stage} {number}" for stage, number in sorted(stages.items())))
    print(f"  .dvc/tmp/rwlock was corrupted and repaired {chaos.repaired} times")
    print(
        f"  the last process ended {max((kill.gone_s for kill in chaos.kills), default=0):.1f} s after a kill at most"
    )


if __name__ == "__main__":
    main()
