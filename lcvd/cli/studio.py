"""``lcvd studio``: render clips of a synthetic person under several lights, with ground truth."""

from pathlib import Path

import click

from lcvd.cli.options import FOLDER
from lcvd.studio.clip import MOVING
from lcvd.studio.media import make_clip


@click.command()
@click.argument("person")
@click.option("-o", "--out", required=True, type=FOLDER, help="Output folder.")
@click.option(
    "--light", "lights", multiple=True, help="moving (default), own (the photograph's) or a preset; repeatable."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the motion and of the moving light.")
@click.option("--frames", default=96, show_default=True, help="Number of frames.")
@click.option("--size", default=256, show_default=True, help="Side in pixels.")
@click.option("--fps", default=25, show_default=True, help="Frames per second.")
def studio(person: str, out: Path, lights: tuple[str, ...], seed: int, frames: int, size: int, fps: int) -> None:
    """Render PERSON (astronaut, hopper, head-0, head-1, ...) with the same motion under every --light.

    OUT/<light>/clip.mp4 is the clip. OUT/<light>/truth holds its ground truth: face codes (pose, expression, camera,
    light), mask and hint.
    """
    for light in lights or (MOVING,):
        address = f"studio:{person}?seed={seed}&frames={frames}&size={size}&fps={fps}&light={light}"
        make_clip(address, out / light)
        (out / light / "media").rename(out / light / "clip.mp4")
        click.echo(f"{out / light / 'clip.mp4'}: {address}")
