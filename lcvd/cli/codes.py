"""``lcvd codes``: one clip's face codes out of the archives that stage ``reconstruct`` leaves."""

from __future__ import annotations

from pathlib import Path

import click

from lcvd.ledger.rows import ClipError
from lcvd.reconstruct.archive import CODES, MASK, Packs

_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("clip")
@click.option("-o", "--out", default="codes.safetensors", show_default=True, type=_PATH, help="Face codes.")
@click.option("--mask", type=_PATH, help="Portrait mask as well (a lossless video, .mkv).")
@click.option("--data", default="data", show_default=True, type=click.Path(path_type=Path, file_okay=False))
def codes(clip: str, out: Path, mask: Path | None, data: Path) -> None:
    """Write the face codes of CLIP (its id in the ledger), for `lcvd relight --drive` and for programs."""
    packs = Packs(data / "reconstruct")
    try:
        for path, part in ((out, CODES), (mask, MASK)):
            if path is not None:
                found = packs.part(clip, part)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(found)
    except ClipError as error:
        raise click.ClickException(f"{error.detail}; `lcvd ledger {clip}` tells its story") from None
    click.echo(f"{out}: {packs.codes(clip).frames} frames")
