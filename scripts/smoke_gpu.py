"""Check that preparing, training, resuming, evaluating and sampling work on this machine's GPUs.

``make smoke-gpu``, or ``python -m scripts.smoke_gpu``. It works in a folder of its own: two short studio clips go through the
stages up to `shard`, then one process and then all GPUs train on them, are killed, and resume. Each check prints one line; the
exit code is the number of failed checks. ``--cpu`` runs the same checks without a GPU (two gloo processes).
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors.torch import load_file

from lcvd.config.io import dump_settings
from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from lcvd.device import machine
from lcvd.train.stage import launch_command

MANIFEST = (
    "id,identity,address,start,end,crop,licence,dataset\n"
    "one,one,studio:head-0?seed=1&frames=24,,,,computed here,studio\n"
    "two,two,studio:head-2?seed=2&frames=24,,,,computed here,studio\n"
)
CHANGES: dict[str, Any] = {
    "shard": {"prepare": True, "val_share": 0.0, "test_share": 0.5},
    "evaluate": {"clips": 1, "frames": 8, "steps": 2, "lights": ["left"]},
}
"""Differences from profile `demo`."""
STEPS = 6
KILLED_AT = 2
"""Step of the checkpoint after which the run is killed."""
TRAIN: dict[str, Any] = {
    "steps": STEPS,
    "checkpoint_every": KILLED_AT,
    "watch": {"log_every": 1, "held_out_every": 0, "held_out_windows": 1},
}
SAMPLED = 5
"""Frames that the full-size network samples."""
TIMEOUT_S = 600


class Smoke:
    """The checks, in the order in which they depend on each other."""

    def __init__(self, folder: Path, gpus: int, settings: Settings, manifest: str = MANIFEST) -> None:
        """`gpus`: number of GPUs to use, 0 for the CPU. `manifest`: at least two identities, one of them for the test split."""
        self.folder, self.gpus, self.settings, self.failed = folder, gpus, settings, 0
        self.several = gpus if gpus > 1 else 0 if gpus else 2
        """Number of processes of the run on several devices; 0: there is only one GPU."""
        (folder / "data/sources").mkdir(parents=True)
        (folder / "data/sources/smoke.csv").write_text(manifest, encoding="utf-8")
        (folder / "params.yaml").write_text(dump_settings(settings), encoding="utf-8")

    def check(self, name: str, work: Callable[[], str]) -> None:
        """Run one check and print its result."""
        began = time.monotonic()
        try:
            outcome, note = "ok    ", work()
        except Exception as error:  # the checks after it still say something
            outcome, note = "FAILED", f"{type(error).__name__}: {error}"
            self.failed += 1
        print(f"{outcome} {name:22} {time.monotonic() - began:6.1f} s  {note}", flush=True)

    def prepare(self) -> str:
        """Run the stages `download` to `shard`."""
        for stage in ("download", "filter", "reconstruct", "shard"):
            self._command("-m", f"flows.{stage}")
        shards = sorted((self.folder / "data/shard").rglob("*.tar"))
        if not shards:
            raise RuntimeError("stage shard wrote no shard")
        return f"{len(shards)} shards with latents"

    def train(self, processes: int, name: str) -> str:
        """Train without a disturbance."""
        settings = self._settings(processes)
        place = self.folder / name
        self._finish(self._start(settings, place), place)
        numbers = json.loads((place / "out/metrics.json").read_text(encoding="utf-8"))
        if not math.isfinite(numbers["train_loss"]):
            raise RuntimeError(f"the training loss is {numbers['train_loss']}")
        return f"{processes} process(es), loss {numbers['train_loss']:.4f}"

    def resume(self, processes: int, name: str) -> str:
        """Kill a run after a checkpoint, resume it, and compare its weights with those of the undisturbed run `name`."""
        settings, place = self._settings(processes), self.folder / f"{name}-killed"
        run = self._start(settings, place)
        checkpoint = place / f"scratch/checkpoints/step-{KILLED_AT:08d}"
        while not checkpoint.exists():
            if run.poll() is not None:
                raise RuntimeError(f"it ended before it was killed: {_tail(place / 'log')}")
            time.sleep(0.01)
        _kill(run)
        if (place / "out/model").exists():
            raise RuntimeError("it had finished before it was killed")
        self._finish(self._start(settings, place), place)
        whole, resumed = (
            {
                f"{path.parent.name}/{key}": value
                for path in sorted((each / "out/model").rglob("*.safetensors"))
                for key, value in load_file(path).items()
            }
            for each in (self.folder / name, place)
        )
        different = [key for key in whole if not torch.equal(whole[key], resumed[key])]
        if different or len(whole) != len(resumed):
            raise RuntimeError(f"{len(different)} of {len(whole)} weights differ, such as {different[:1]}")
        return f"killed after step {KILLED_AT}, resumed: {len(whole)} equal weights"

    def evaluate(self, name: str) -> str:
        """Evaluate the model of the run `name` as the stage does."""
        shutil.copytree(self.folder / name / "out", self.folder / "data/train", dirs_exist_ok=True)
        self._command("-m", "flows.evaluate")
        numbers = json.loads((self.folder / "data/evaluate/metrics.json").read_text(encoding="utf-8"))
        if not (self.folder / "data/evaluate/report.html").is_file():
            raise RuntimeError("there is no report")
        return f"{len(numbers)} entries in metrics.json, report.html"

    def sample(self) -> str:
        """Sample, and train for one micro-step, with the full-size network and random weights."""
        from benchmarks.full_size import SD_VAE, matrix_peak, micro_step, random_model, sampling
        from lcvd.config.train import ModelSettings
        from lcvd.model.pipeline import LCVDPipeline

        device = torch.device("cuda")
        peak = matrix_peak(device, torch.bfloat16)
        model = random_model(ModelSettings(), device, torch.bfloat16, SD_VAE)
        pipe = LCVDPipeline.of(model)
        pipe.set_progress_bar_config(disable=True)
        sampled = sampling(pipe, "fast", SAMPLED, peak, None)
        step = micro_step(model, checkpointing=True)
        return (
            f"matrix peak {peak:.0f} TFLOP/s; {SAMPLED} frames {sampled['seconds']} s, {sampled['peak_gb']} GB; "
            f"micro-step {step['seconds']} s, {step['peak_gb']} GB"
        )

    def run(self) -> int:
        """All checks; the number that failed."""
        self.check("prepare", self.prepare)
        runs = [(1, "one")] + ([(self.several, "several")] if self.several else [])
        for processes, name in runs:
            self.check(f"train {name}", lambda count=processes, name=name: self.train(count, name))  # type: ignore[misc]
            self.check(f"resume {name}", lambda count=processes, name=name: self.resume(count, name))  # type: ignore[misc]
        self.check("evaluate", lambda: self.evaluate("one"))
        if self.gpus:
            self.check("full size", self.sample)
        if not self.several:
            print("skipped train on several GPUs: this machine has one")
        return self.failed

    def _settings(self, processes: int) -> Settings:
        train = self.settings.train.model_dump(mode="json")
        return self.settings.model_copy(
            update={
                "train": type(self.settings.train).model_validate(
                    train | TRAIN | {"processes": processes, "global_batch": 2 * processes}
                )
            }
        )

    def _start(self, settings: Settings, place: Path) -> subprocess.Popen[bytes]:
        place.mkdir(exist_ok=True)
        command, environment = launch_command(
            settings, self.folder / "data/shard", place / "scratch", place / "out", devices=self.gpus
        )
        with (place / "log").open("ab") as log:
            return subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)

    def _finish(self, run: subprocess.Popen[bytes], place: Path) -> None:
        try:
            code = run.wait(timeout=TIMEOUT_S)
        finally:
            _kill(run)
        if code:
            raise RuntimeError(f"exit code {code}: {_tail(place / 'log')}")

    def _command(self, *arguments: str) -> None:
        log = self.folder / "commands.log"
        with log.open("ab") as output:
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=self.folder,
                stdout=output,
                stderr=output,
                timeout=TIMEOUT_S,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with code {done.returncode}: {_tail(log)}")


def _kill(run: subprocess.Popen[bytes]) -> None:
    """Kill a run with all its processes, which the launcher starts in sessions of their own."""
    if run.poll() is None:
        for process in psutil.Process(run.pid).children(recursive=True):
            process.kill()
        run.kill()
        run.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(lines[-4:])


def main(arguments: list[str] | None = None) -> int:
    """Run the checks; returns the number that failed."""
    parser = argparse.ArgumentParser(prog="scripts.smoke_gpu", description=__doc__)
    parser.add_argument("--gpus", type=int, help="number of GPUs (default: all)")
    parser.add_argument("--cpu", action="store_true", help="run the checks without a GPU")
    parser.add_argument("--folder", type=Path, help="keep all files and logs in this new folder")
    given = parser.parse_args(arguments)
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = 0 if given.cpu else given.gpus or found
    if not given.cpu and not 0 < gpus <= found:
        parser.error(f"{gpus or 'no'} GPU(s) asked for, this machine has {found}; --cpu runs the checks without a GPU")
    print(machine(), flush=True)
    values = profile("demo").model_dump(mode="json")
    settings = Settings.model_validate({**values, **{name: values[name] | each for name, each in CHANGES.items()}})
    if given.folder:
        given.folder.mkdir(parents=True)
        return Smoke(given.folder.absolute(), gpus, settings).run()
    with tempfile.TemporaryDirectory(prefix="lcvd-smoke-") as folder:
        return Smoke(Path(folder), gpus, settings).run()


if __name__ == "__main__":
    sys.exit(main())
