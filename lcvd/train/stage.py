"""Stage ``train``: how a training run is started, and where its scratch lies. Imports nothing heavy."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

from lcvd.cache.imports import code_key
from lcvd.cache.store import file_hash, key_of
from lcvd.config.settings import Settings
from lcvd.config.train import TrainSettings
from lcvd.errors import MissingPackage, UsageError

MODULE = "lcvd.train.run"
log = logging.getLogger(__name__)


def scratch_key(settings: Settings, data: Path) -> str:
    """Key of a run's scratch: seed, settings, shards and code. A run never resumes one that was made with others.

    How many processes share a step's clips isn't part of it: the samples are the same, so a run goes on on more or
    fewer GPUs.
    """
    spread = {"processes", "machines", "batch"}
    shards = {path.relative_to(data).as_posix(): file_hash(path) for path in sorted(data.rglob("*.tar"))}
    return key_of(
        seed=settings.seed,
        train=settings.train.model_dump(mode="json", exclude=spread),
        shards=shards,
        code=code_key(MODULE, __name__),  # this module sets the environment of the processes
    )


def launch_command(
    settings: Settings, data: Path, scratch: Path, out: Path, *, devices: int | None = None
) -> tuple[list[str], dict[str, str]]:
    """The command that trains, and the environment to add to one's own; writes the settings into `scratch`.

    One process is started directly, as that takes 5 s less than DeepSpeed's launcher, which starts several. To end a
    run, send SIGTERM to its whole process group and wait for all of it: the launcher itself ends at once, its children
    after a checkpoint. A single process then returns 75.

    With several machines, ``srun`` starts the processes inside a Slurm allocation. Elsewhere DeepSpeed's launcher does:
    ``LCVD_HOSTFILE`` names the file that lists the machines (``name slots=8`` a line), and ``LCVD_LAUNCHER`` how they are
    reached (default `pdsh`). All machines see the same paths.

    Args:
        data: folder of stage `shard`. scratch: kept between attempts: the same command goes on from the newest
            checkpoint there. out: receives model/, metrics.json and dvclive/.
        devices: CUDA devices of each machine, 0 to train on the CPU; None asks torch.

    Raises:
        ModuleNotFoundError: a package that the settings ask for isn't installed.
        UsageError: several machines are asked for and no file lists them, or the Slurm allocation has another number.
    """
    require_packages(settings)
    devices = _devices() if devices is None else devices
    if devices:
        settings = _fitting(settings, devices)
    scratch.mkdir(parents=True, exist_ok=True)
    written = scratch / "settings.json"
    written.write_text(settings.model_dump_json(indent=1) + "\n", encoding="utf-8")
    processes = settings.train.processes
    places = ["--settings", str(written), "--data", str(data), "--scratch", str(scratch), "--out", str(out)]
    threads = max(1, (os.cpu_count() or 1) // processes)
    environment = {
        "OMP_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "false",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "TORCH_CPP_LOG_LEVEL": "ERROR",
    }
    if not devices:
        environment["DS_ACCELERATOR"] = "cpu"
    port = str(_free_port())
    if settings.train.world == 1:
        alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        return [sys.executable, "-m", MODULE, *places], environment | alone
    if settings.train.machines > 1 and "SLURM_JOB_ID" in os.environ:
        return [*_srun(settings.train), sys.executable, "-m", MODULE, *places], environment | _first_node(port)
    launcher = [sys.executable, "-m", "deepspeed.launcher.runner", "--log_level", "warning"]
    launcher += ["--num_accelerators", str(processes)]
    if settings.train.machines > 1:
        launcher += _machines(settings.train.machines)
    return [*launcher, "--master_port", port, "--module", MODULE, *places], environment


def require_packages(settings: Settings) -> None:
    """See that optional packages which the settings ask for are installed, before anything is loaded.

    Raises:
        ModuleNotFoundError: names the setting, and what to install.
    """
    wanted: dict[str, tuple[str, str]] = {
        tracker: ("train.watch.trackers", tracker) for tracker in settings.train.watch.trackers
    }
    if settings.train.optimiser.name == "adamw8bit":
        wanted["bitsandbytes"] = ("train.optimiser.name", "'lcvd[adam8bit]'")
    for package, (key, extra) in wanted.items():
        if importlib.util.find_spec(package) is None:
            raise MissingPackage(f"{key} needs {package}, which isn't installed: pip install {extra}, or change {key}")


def _srun(train: TrainSettings) -> list[str]:
    """The command that starts the processes of a Slurm allocation; one that fails ends all others.

    DeepSpeed's own Slurm launcher is not used: it drops ``--module`` and leaves ranks to mpi4py.
    """
    nodes = int(os.environ.get("SLURM_JOB_NUM_NODES", "0"))
    if nodes != train.machines:
        raise UsageError(
            f"train.machines is {train.machines}, and this Slurm job has {nodes} nodes: make them equal "
            "(`#SBATCH --nodes`, params.yaml)"
        )
    count = [f"--nodes={nodes}", f"--ntasks={train.world}", f"--ntasks-per-node={train.processes}"]
    return ["srun", *count, "--kill-on-bad-exit=1", "--export=ALL"]


def _first_node(port: str) -> dict[str, str]:
    """Where the processes of a Slurm job meet: `port` of its first node, on which the batch script runs."""
    listed = ["scontrol", "show", "hostnames", os.environ["SLURM_JOB_NODELIST"]]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    return {"MASTER_ADDR": names[0], "MASTER_PORT": port}


def _machines(count: int) -> list[str]:
    """Arguments of DeepSpeed's launcher for several machines."""
    hostfile = os.environ.get("LCVD_HOSTFILE", "")
    if not hostfile or not Path(hostfile).is_file():
        raise UsageError(
            f"train.machines is {count}, and LCVD_HOSTFILE ({hostfile or 'not set'}) names no file that lists them; "
            "docs/training.md shows one"
        )
    launcher = os.environ.get("LCVD_LAUNCHER", "pdsh")
    return ["--hostfile", hostfile, "--num_nodes", str(count), "--launcher", launcher]


def _devices() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _fitting(settings: Settings, devices: int) -> Settings:
    """The settings with no more processes than CUDA devices: each then does more micro-steps, for the same result."""
    train = settings.train
    if train.processes <= devices:
        return settings
    shares = (
        count for count in range(devices, 0, -1) if train.global_batch % (train.batch * count * train.machines) == 0
    )
    processes = next(shares, 1)
    log.warning("train.processes is %d, this machine has %d CUDA device(s): training in %d process(es) of more "
                "micro-steps", train.processes, devices, processes)  # fmt: skip
    return settings.model_copy(update={"train": train.model_copy(update={"processes": processes})})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
