"""Random kills over the whole chain: ``python -m tests.chaos --kills 50 --seed 1``.

A small project is reproduced once without disturbance. Then everything it made is deleted and `dvc repro` started again
(after `tasks.ops.repair_dvc_lock`, as `make demo` does) and again, each time until a process of it is killed at a random moment, or until it
finishes; whenever it finishes, dvc.lock and every artifact must be those of the undisturbed run, and all begins anew. After each kill nothing of the run may be left
after `LEFT_S`, and no lock may keep the next from working.
"""

from __future__ import annotations

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
from tests.processes import command_of, working_in

LEFT_S = 10.0
EARLY = 8.0
"""Kills come after a random time whose mean is an undisturbed run's by this."""
Victims = Callable[[psutil.Process, list[psutil.Process]], list[psutil.Process]]


class Broken(AssertionError):
    """A promise that didn't hold."""


@dataclass(frozen=True)
class Kill:
    """What was killed, when, and how long its last process lived on."""

    how: str
    stage: str
    after_s: float
    gone_s: float


def _named(*words: str) -> Victims:
    return lambda top, family: [each for each in family if any(word in _command(each) for word in words)]


GROUP: Victims = lambda top, family: [top]  # noqa: E731
KINDS: dict[str, tuple[signal.Signals, Victims]] = {
    "SIGKILL to the group": (signal.SIGKILL, GROUP),
    "SIGTERM to the group": (signal.SIGTERM, GROUP),
    "SIGINT to the group": (signal.SIGINT, GROUP),
    "SIGKILL to dvc": (signal.SIGKILL, GROUP),
    "SIGKILL to the stage": (signal.SIGKILL, _named("-m flows.")),
    "SIGKILL to a worker": (signal.SIGKILL, _named("multiprocessing.spawn", "lcvd.train.run")),
    "SIGKILL to the server": (signal.SIGKILL, _named("prefect.server.api.server")),
}


class Chaos:
    """Kills in the project of one folder; `say` hears of each."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], None] = print) -> None:
        self.project = make_project(folder)
        self.project.sources(self.project.FIRST, self.project.SECOND)
        self.project.settings(runner={"workers": 2}, train={"steps": 6, "checkpoint_every": 2, "processes": 1})
        self.project.commit()
        self.random, self.say = random.Random(seed), say
        self.kills: list[Kill] = []
        self.finished = self.repaired = 0
        self._log = folder.with_name(f"{folder.name}.log")
        self._deck: list[str] = []

    def undisturbed(self) -> None:
        """Reproduce once; what all later runs are compared with."""
        begin = time.monotonic()
        if code := self._start().wait():
            raise Broken(f"the undisturbed run ended with {code}:\n{self._said()}")
        self.seconds, self.wanted = time.monotonic() - begin, self._result()
        self._nothing_left("an undisturbed run", time.monotonic())
        self.say(f"undisturbed: {self.seconds:.0f} s, {len(self.wanted)} files")
        self._forget()

    def run(self, kills: int, until: float = float("inf")) -> None:
        """Kill so often (or until that time), then let the last run finish.

        Raises:
            Broken: processes outlive a kill, a run fails that nobody killed, or its result is another.
        """
        while len(self.kills) < kills and time.monotonic() < until:
            self._attempt(self.random.expovariate(EARLY / self.seconds))
        self._attempt(None)

    def _attempt(self, after: float | None) -> None:
        process, begin = self._start(), time.monotonic()
        try:
            code = process.wait(after if after is not None else 20 * self.seconds)
        except subprocess.TimeoutExpired:
            if after is None:
                raise Broken(f"a run that nobody disturbs takes more than {20 * self.seconds:.0f} s") from None
            how, stage = self._kill(process), self._stage()
            killed = time.monotonic()
            code = process.wait(20 * self.seconds)
            # What loses a worker or the server may go on: such a run ends later than the kill.
            ended = killed if how.endswith(("group", "dvc")) else time.monotonic()
            gone = self._nothing_left(how, ended)
            self.kills.append(Kill(how, stage, killed - begin, gone))
            self.say(
                f"{len(self.kills):3}. {how:22} in {stage:12} after {killed - begin:5.1f} s: code {code}, gone {gone:.1f} s later"
            )
        else:
            if code:
                raise Broken(f"a run that nobody disturbed ended with {code}:\n{self._said()}")
        if code == 0:
            self._compare()

    def _start(self) -> subprocess.Popen[bytes]:
        """What `make demo` does."""
        if unlock(self.project.folder):
            self.repaired += 1
            self.say("     DVC's note of readers and writers was torn: mended")
        self._log.write_text("")
        with self._log.open("ab") as log:
            return subprocess.Popen(
                ["dvc", "repro"], cwd=self.project.folder, env=self.project.shell(), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_hear_ctrl_c,
            )  # fmt: skip

    def _kill(self, process: subprocess.Popen[bytes]) -> str:
        """Kill by the next kind of a shuffled deck that finds somebody."""
        top = psutil.Process(process.pid)
        for _ in range(2):
            for how in tuple(self._deck):
                number, victims = KINDS[how]
                if found := victims(top, working_in(self.project.folder)):
                    self._deck.remove(how)
                    victim = self.random.choice(sorted(found, key=lambda each: each.pid))
                    if how.endswith("group"):
                        os.killpg(process.pid, number)
                    else:
                        victim.send_signal(number)
                    return how
            self._deck += self.random.sample(list(KINDS), len(KINDS))
        raise AssertionError("dvc itself can always be killed")

    def _nothing_left(self, how: str, since: float) -> float:
        while left := working_in(self.project.folder):
            if time.monotonic() - since > LEFT_S:
                raise Broken(f"{how}: after {LEFT_S:g} s there are still " + "; ".join(map(_command, left)))
            time.sleep(0.05)
        return max(0.0, time.monotonic() - since)

    def _stage(self) -> str:
        begun = [line.split("'")[1] for line in self._said().splitlines() if line.startswith("Running stage '")]
        return begun[-1] if begun else "-"

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-8000:]

    def _result(self) -> dict[str, str]:
        files = [self.project.folder / "dvc.lock", *_files(self.project.folder / "data")]
        return {
            str(path.relative_to(self.project.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }

    def _compare(self) -> None:
        found = self._result()
        if odd := sorted(
            name for name in self.wanted.keys() | found.keys() if self.wanted.get(name) != found.get(name)
        ):
            raise Broken(f"after {len(self.kills)} kills {len(odd)} files differ from the undisturbed run's: {odd[:8]}")
        self.finished += 1
        self.say(f"     finished: all {len(found)} files are the undisturbed run's")
        self._forget()

    def _forget(self) -> None:
        """Delete all that runs made."""
        self.project.run("git", "clean", "-d", "-x", "--force", "--quiet", "--exclude", ".dvc/config.local")


def _hear_ctrl_c() -> None:
    """What a shell starts in the background ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _command(process: psutil.Process) -> str:
    return f"{process.pid} {command_of(process)[:200]}"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Kill, and tell what held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further kill after so long")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        chaos = Chaos(Path(folder).resolve() / "project", options.seed, lambda text: print(text, flush=True))
        chaos.undisturbed()
        try:
            chaos.run(options.kills, time.monotonic() + 60 * options.minutes)
        except Broken as error:
            print(f"broken after {len(chaos.kills)} kills, seed {options.seed}: {error}", flush=True)
            sys.exit(1)
        finally:
            for process in working_in(Path(folder).resolve()):
                process.kill()
    kinds = Counter(kill.how for kill in chaos.kills)
    stages = Counter(kill.stage for kill in chaos.kills)
    print(
        f"seed {options.seed}: {len(chaos.kills)} kills, {chaos.finished} runs finished, all equal to the undisturbed one"
    )
    print("  by kind: " + ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())))
    print("  by stage: " + ", ".join(f"{stage} {number}" for stage, number in sorted(stages.items())))
    print(f"  DVC's note of readers and writers was torn {chaos.mended} times, and mended")
    print(f"  the last process was gone after {max((kill.gone_s for kill in chaos.kills), default=0):.1f} s at most")


if __name__ == "__main__":
    main()
