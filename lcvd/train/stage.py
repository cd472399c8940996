"""Stage ``train``: the command that starts a training run. Imports nothing heavy."""

import importlib.util
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

from lcvd.config.settings import Settings
from lcvd.config.train import TrainSettings
from lcvd.errors import MissingPackage, UsageError

MODULE = "lcvd.train.run"
LAUNCHED = (MODULE, __name__)
"""Modules whose code decides a run's result; this one sets the environment of the processes."""
log = logging.getLogger(__name__)


def launch_command(
    settings: Settings, data: Path, scratch: Path, out: Path, *, devices: int | None = None
) -> tuple[list[str], dict[str, str]]:
    """Return the training command and the environment variables to add. Also writes the settings into `scratch`.

    A single process is started directly, which is 5 s faster than with DeepSpeed's launcher. To end a run, send SIGTERM to
    its whole process group and wait for all processes: the launcher exits at once, its children after writing a
    checkpoint. A single process then returns 75.

    With several machines, ``srun`` starts the processes inside a Slurm allocation, otherwise DeepSpeed's launcher:
    ``LCVD_HOSTFILE`` is the path of the file that lists the machines (``name slots=8`` per line), and ``LCVD_LAUNCHER`` is
    the launcher's backend (default `pdsh`). All machines must see the same paths.

    Args:
        data: folder of stage `shard`. scratch: kept between attempts; the same command resumes from its newest
            checkpoint. out: receives model/, metrics.json and dvclive/.
        devices: number of CUDA devices per machine, 0 to train on the CPU; None asks torch.

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
    """Check that the optional packages required by the settings are installed, before anything is loaded.

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
    """Return the rendezvous address of a Slurm job's processes: `port` of its first node, where the batch script runs."""
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
    """Reduce the number of processes to the number of CUDA devices. Each process then does more micro-steps."""
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
