"""``lcvd config``: choose a profile, show it, check ``params.yaml``."""

from __future__ import annotations

from pathlib import Path

import click

from lcvd.config.explain import explained, keys
from lcvd.config.io import dump_settings, load_settings
from lcvd.config.profiles import PROFILES, profile

_PARAMS = click.option("--params", default="params.yaml", show_default=True, type=click.Path(path_type=Path))


@click.group()
def config() -> None:
    """The settings in params.yaml."""


@config.command()
@click.argument("name", type=click.Choice(sorted(PROFILES)))
@_PARAMS
@click.option("--force", is_flag=True, help="Also over a file that was edited: its changes are lost.")
def use(name: str, params: Path, force: bool) -> None:
    """Write profile NAME, every value spelled out, to params.yaml."""
    if not force and params.exists() and not _is_a_profile(params.read_text(encoding="utf-8")):
        raise click.ClickException(f"{params} was edited and isn't any profile; --force overwrites it")
    params.write_text(dump_settings(profile(name)), encoding="utf-8")
    click.echo(f"{params}: profile {name}")


@config.command()
@_PARAMS
def check(params: Path) -> None:
    """Check params.yaml: every key or value that doesn't fit is named."""
    settings = load_settings(params)
    click.echo(f"{params}: all keys known, all values in range (written from profile {settings.profile})")


@config.command()
@click.argument("name", type=click.Choice(sorted(PROFILES)))
def show(name: str) -> None:
    """Print profile NAME."""
    click.echo(dump_settings(profile(name)), nl=False)


@config.command()
@click.argument("name", required=False)
def explain(name: str | None) -> None:
    """Tell what the key NAME means, or all keys of the section NAME, or all there are."""
    for key in explained(name) if name else keys():
        click.echo(f"{key.name}: {key.takes}; default {key.default}")
        click.echo(f"    {key.meaning}")


def _is_a_profile(text: str) -> bool:
    return any(text == dump_settings(profile(name)) for name in PROFILES)
