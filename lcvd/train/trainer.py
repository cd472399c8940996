"""The training loop: trains on shards, resumes from the newest checkpoint, and exports the model (spec B)."""

import json
import math
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, distributed

from lcvd.config.settings import Settings
from lcvd.errors import LcvdError, UsageError
from lcvd.model.fingerprint import prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.model.load import adapter_folder
from lcvd.model.objective import Objective
from lcvd.model.parts import save_parts
from lcvd.model.precision import allow_tf32
from lcvd.model.trained_on import TrainedOn
from lcvd.progress import ProgressPrinter
from lcvd.train import checkpoint
from lcvd.train.checkpoint import Position
from lcvd.train.collectives import add_up, barrier, gather, start_processes
from lcvd.train.dataloader import NamedBatch, batches, moved
from lcvd.train.dataset import Clips
from lcvd.train.engine import Average, deepspeed_config, learning_rate, make_engine, set_rate, whole_weights
from lcvd.train.flops import step_flop
from lcvd.train.sample_order import schedule
from lcvd.train.sample_videos import film
from lcvd.train.throughput import Curve, Watch, matrix_peak
from lcvd.train.validate import HeldOut, Measured

SMOOTHING = 0.98


class Diverged(LcvdError, RuntimeError):
    """The loss or a weight is no longer finite. The message names the step."""


class Interrupted(LcvdError, RuntimeError):
    """The run received SIGTERM and wrote a checkpoint. The same command resumes it."""


class Training:
    """One training run. Every process creates an instance and calls `run`.

    Args:
        shards: folder of stage `shard`. scratch: checkpoints. out: model, metrics and loss curve.
    """

    def __init__(self, whole: Settings, shards: Path, scratch: Path, out: Path) -> None:
        start_processes()
        allow_tf32()
        settings, seed = whole.train, whole.seed
        self.settings, self.seed, self.out = settings, seed, out
        self.rank, self.world = distributed.get_rank(), distributed.get_world_size()
        if self.world != settings.world:
            raise UsageError(
                f"{self.world} processes were started; train.processes x train.machines is {settings.world}"
            )
        self.checkpoints, self.log = scratch / "checkpoints", scratch / "log"
        found, states = self._found(scratch / "universal")
        model = LCVD.fresh(settings.model, seed)
        model.train_only(settings.trained)
        model.trained_on = TrainedOn.of(whole.reconstruct, settings.precision)
        key = prepared_key(model.codec, model.image_encoder, model.size) if settings.prepared else None
        self.clips = Clips(
            shards,
            "train",
            size=model.size,
            memory_mb=settings.memory_mb,
            threads=settings.loaders,
            key=key,
            render=settings.hints == "rendered",
            with_codes=settings.model.warp_reference,
            max_broken=settings.max_broken,
            balance_light=settings.balance_light,
        )
        self.held_out = HeldOut(shards, settings, seed, key)
        self.filmed: Clips | None = None
        if settings.watch.video_every:
            self.filmed = Clips(shards, self.held_out.split, size=model.size, memory_mb=0, with_codes=True)
        self.objective = Objective(model, settings.objective, settings.precision)
        count = sum(p.numel() for p in model.trainable())
        config = deepspeed_config(settings, count, universal=found != states)
        if self.rank == 0:
            print(f"DeepSpeed's configuration: {json.dumps(config)}", file=sys.stderr, flush=True)
        self.engine = make_engine(self.objective, settings, config)
        self.average = Average(model.trainable(), settings.optimiser.ema)
        if found and states:
            checkpoint.load(self.engine, self.average, found, states)
        self.saved = self.position.step
        self.measured: Measured | None = None
        self._asked_to_end = False

    def _found(self, converted: Path) -> tuple[Path | None, Path | None]:
        """Return the checkpoint to resume from and the folder of its DeepSpeed states, and set `position`.

        States of a different number of processes or another ZeRO stage are converted to a folder below `converted`.
        """
        found = checkpoint.agreed(self.checkpoints, self.settings.steps)
        self.position = checkpoint.position_of(found) if found else Position()
        written = replace(self.position)
        self.position.processes, self.position.zero = self.world, self.settings.engine.zero
        if not found or checkpoint.fits_as_it_is(written, self.position):
            return found, found
        checkpoint.refuse_impossible(found, written, self.position, self.settings)
        if self.rank == 0:
            checkpoint.convert_to_universal(found, converted)
        barrier()
        return found, converted / found.name

    def run(self) -> None:
        """Train the remaining steps, then export the model.

        Raises:
            Diverged: a loss or weight isn't finite. The last checkpoint is from an earlier step.
            Interrupted: the process received SIGTERM and wrote a checkpoint.
        """
        signal.signal(signal.SIGTERM, self._ask_to_end)
        self.watch = self._watch() if self.rank == 0 else None
        try:
            with ProgressPrinter() as progress:
                self._train(progress if self.rank == 0 else None)
        finally:
            if self.watch:
                self.watch.curve.end()
        self._export()
        barrier()

    def _train(self, progress: ProgressPrinter | None) -> None:
        settings = self.settings
        if progress:
            progress("train", self.position.step, settings.steps)
        self.engine.train()
        loader = batches(self.clips, schedule(settings, self.rank, self.position.step), settings, self.seed)
        if self.position.step == 0 and settings.watch.held_out_every:
            self._log_held_out()
        while self.position.step < settings.steps:
            ended = self._step(loader)
            done = self.position.step
            last = done == settings.steps
            if self._logs(done):
                self._log()
            with self.watch.apart() if self.watch else nullcontext():
                self.position.held_out = None
                if last or self._due(settings.watch.held_out_every):
                    self._log_held_out()
                if self._due(settings.watch.video_every):
                    self._film()
                if last or ended or self._due(settings.checkpoint_every):
                    self._save()
            if progress:
                progress("train", done, settings.steps, f"loss {self.position.loss:.4f}")
            if ended and not last:
                raise Interrupted(f"interrupted: checkpoint written at step {done} of {settings.steps}")

    def _due(self, every: int) -> bool:
        return every > 0 and self.position.step % every == 0

    def _logs(self, step: int) -> bool:
        return step % self.settings.watch.log_every == 0 or step == self.settings.steps

    def _watch(self) -> Watch:
        peak = matrix_peak(self.engine.device, self.settings.precision)
        curve = Curve(self.out / "dvclive", self.position.points)
        return Watch(self.log, self.settings, curve, self.position.step, step_flop(self.settings), peak)

    def _step(self, loader: Iterator[NamedBatch]) -> bool:
        """Do one optimiser step. Return whether any process received SIGTERM."""
        step, steps, optimiser = self.position.step, self.settings.steps, self.settings.optimiser
        set_rate(self.engine, learning_rate(step, steps, optimiser))
        seen: list[tuple[NamedBatch, Tensor]] = []
        for micro in range(self.settings.accumulation):
            with self.watch.waiting() if self.watch else nullcontext():
                named = next(loader)
            ldm, portrait = self.engine(moved(named.batch, self.engine.device))
            self.engine.backward(self.objective.total(ldm, portrait))
            seen.append((named, torch.stack([ldm.detach(), portrait.detach()])))
            if micro + 1 == self.settings.accumulation:
                sums = self._reduced(seen)
                if self._logs(step + 1) and not self.settings.engine.zero:
                    self.norm = self._norm()
            self.engine.step()
        if self._logs(step + 1) and self.settings.engine.zero:
            self.norm = float(self.engine.get_global_grad_norm() or 0.0)
        self.average.update(step)
        *totals, ended = sums
        loss = (totals[0] + self.settings.objective.portrait_weight * totals[1]) / totals[2]
        position = self.position
        position.loss = loss if position.loss is None else SMOOTHING * position.loss + (1 - SMOOTHING) * loss
        position.since = [a + b for a, b in zip(position.since, totals, strict=True)]
        position.step += 1
        return ended > 0

    def _reduced(self, seen: list[tuple[NamedBatch, Tensor]]) -> list[float]:
        """Return sums over micro-steps and processes: L_LDM, L_p, clips, and the number of processes that received SIGTERM."""
        local = torch.cat([losses for _, losses in seen], dim=1).double()
        sums = torch.stack([*local.sum(1), local.new_tensor(local.shape[1]), local.new_tensor(self._asked_to_end)])
        result: list[float] = add_up(sums).tolist()
        if not math.isfinite(sum(result)):
            self._name_culprits(seen)
        return result

    def _name_culprits(self, seen: list[tuple[NamedBatch, Tensor]]) -> None:
        mine = [
            f"{clip} (sample {sample})"
            for named, losses in seen
            for clip, sample, bad in zip(named.clips, named.samples, ~losses.isfinite().all(0), strict=True)
            if bad
        ]
        names = ", ".join(name for names in gather(mine) for name in names)
        raise Diverged(
            f"step {self.position.step}: the loss isn't finite for {names}; {self._last_good()}: check those clips, "
            "or lower train.optimiser.lr"
        )

    def _last_good(self) -> str:
        return f"the checkpoint of step {self.saved} is older" if self.saved else "there is no checkpoint yet"

    def _norm(self) -> float:
        """Return the gradient norm before clipping, which DeepSpeed doesn't report without ZeRO."""
        gradients = [p.grad for p in self.objective.model.trainable() if p.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients))

    def _log(self) -> None:
        ldm, portrait, count = self.position.since
        self.position.since = [0.0, 0.0, 0.0]
        rate = learning_rate(self.position.step - 1, self.settings.steps, self.settings.optimiser)
        point = {"ldm": ldm / count, "portrait": portrait / count, "lr": rate, "grad_norm": self.norm}
        point["loss"] = point["ldm"] + self.settings.objective.portrait_weight * point["portrait"]
        if self.watch:
            self.watch.log_speed(self.position.step, point)

    def _measure(self) -> Measured:
        """Measure the held-out loss with the weights that would be exported."""
        with self.average.applied():
            self.measured = self.held_out.measure(self.objective)
        return self.measured

    def _log_held_out(self) -> None:
        measured = self._measure()
        loss = self.position.held_out = measured.loss(self.settings.objective.portrait_weight)
        bands = {f"held_out_noise_{number}": band["v_mse"] for number, band in enumerate(measured.bands(), start=1)}
        if self.watch:
            self.watch.log(self.position.step, {"held_out": loss} | bands)

    def _film(self) -> None:
        """Write sample videos in the first process. The others wait at their next collective."""
        if self.rank or self.filmed is None:
            return
        folder = self.log / f"videos/{self.position.step:08d}"
        with self.average.applied():
            film(self.objective.model, self.filmed, self.settings, self.seed, folder)
        self.engine.train()  # the pipeline has set evaluation mode

    def _save(self) -> None:
        if not checkpoint.all_finite(self.objective.model.trainable()):
            raise Diverged(
                f"step {self.position.step}: a weight is no longer finite; {self._last_good()}: lower "
                "train.optimiser.lr"
            )
        checkpoint.save(self.engine, self.average, self.position, self.checkpoints, self.settings.keep)
        self.saved = self.position.step

    def _export(self) -> None:
        """Write the model (with EMA weights, if enabled) and the final metrics."""
        self.objective.eval()
        model, zero = self.objective.model, self.settings.engine.zero
        measured = self.measured or self._measure()  # not yet measured: a completed run was resumed
        with whole_weights(model, zero), self.average.applied():
            if self.rank:
                return
            unfinished = self.out / "model.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            save_parts(model.parts(), unfinished)
            trained = {"unet": model.unet} | {adapter_folder(name): each for name, each in model.adapters.items()}
            sizes = {name: sum(p.numel() for p in each.parameters()) for name, each in trained.items()}
        shutil.rmtree(self.out / "model", ignore_errors=True)
        unfinished.rename(self.out / "model")
        metrics: dict[str, Any] = {
            "steps": self.position.step,
            "train_loss": self.position.loss,
            "validation": self.held_out.numbers(measured),
            "clips": len(self.clips),
            "parameters": sizes,
            "latents": model.codec.description,
            "start": self.settings.model.start,
        }
        (self.out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")

    def _ask_to_end(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked_to_end = True
