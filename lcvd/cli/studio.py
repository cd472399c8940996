"""``lcvd studio``: clips of a studio person under several lights, with the truth about each."""

from __future__ import annotations

from pathlib import Path

import click

from lcvd.studio.clip import MOVING
from lcvd.studio.media import make_clip


@click.command()
@click.argument("person")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write.")
@click.option(
    "--light",
    "lights",
    multiple=True,
    help="moving (default), own (the photograph's) or a preset's name; may be given again.",
)
@click.option("--seed", default=0, show_default=True, help="Decides the motion, and the moving light.")
@click.option("--frames", default=96, show_default=True)
@click.option("--size", default=256, show_default=True, help="Side in pixels.")
@click.option("--fps", default=25, show_default=True)
def studio(person: str, out: Path, lights: tuple[str, ...], seed: int, frames: int, size: int, fps: int) -> None:
    """Render PERSON (astronaut, hopper, head-0, head-1, ...) in motion: the same motion under every light asked for.

    OUT/<light>/clip.mp4 is the clip, OUT/<light>/truth its codes (pose, expression, camera, light), mask and hint.
    """
    for light in lights or (MOVING,):
        address = f"studio:{person}?seed={seed}&frames={frames}&size={size}&fps={fps}&light={light}"
        make_clip(address, out / light)
        (out / light / "media").rename(out / light / "clip.mp4")
        click.echo(f"{out / light / 'clip.mp4'}: {address}")
