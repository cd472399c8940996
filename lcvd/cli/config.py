"""``lcvd config``: write, check, show and explain the settings."""

from pathlib import Path

import click

from lcvd.cli.options import PARAMS
from lcvd.config.explain import explained, keys
from lcvd.config.io import dump_settings, load_settings
from lcvd.config.profiles import PROFILES, profile


@click.group()
def config() -> None:
    """Manage the settings in params.yaml."""


@config.command()
@click.argument("name", type=click.Choice(sorted(PROFILES)))
@PARAMS
@click.option("--force", is_flag=True, help="Overwrite a file that was edited; its changes are lost.")
def use(name: str, params: Path, force: bool) -> None:
    """Write profile NAME with all its values to params.yaml."""
    text = params.read_text(encoding="utf-8") if params.exists() and not force else None
    if text is not None and all(text != dump_settings(profile(each)) for each in PROFILES):
        raise click.ClickException(f"{params} differs from every profile, so it was edited; --force overwrites it")
    params.write_text(dump_settings(profile(name)), encoding="utf-8")
    click.echo(f"{params}: profile {name}")


@config.command()
@PARAMS
def check(params: Path) -> None:
    """Check params.yaml and name every unknown key and invalid value."""
    settings = load_settings(params)
    click.echo(f"{params}: all keys known, all values valid (profile {settings.profile})")


@config.command()
@click.argument("name", type=click.Choice(sorted(PROFILES)))
def show(name: str) -> None:
    """Print profile NAME."""
    click.echo(dump_settings(profile(name)), nl=False)


@config.command()
@click.argument("name", required=False)
def explain(name: str | None) -> None:
    """Explain the key NAME, all keys of the section NAME, or all keys."""
    for key in explained(name) if name else keys():
        click.echo(f"{key.name}: {key.takes}; default {key.default}")
        click.echo(f"    {key.meaning}")
