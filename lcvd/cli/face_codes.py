"""``lcvd face-codes``: write the face codes of a video or image, or of a clip that stage `reconstruct` processed."""

import shutil
import tempfile
from pathlib import Path

import click

from lcvd.cli.options import DATA, FILE, PARAMS
from lcvd.config.io import load_settings
from lcvd.errors import UsageError
from lcvd.ledger.rows import ClipError
from lcvd.reconstruct.archive import CODES, MASK, Packs
from lcvd.relighting.portrait import reconstruct_file


@click.command()
@click.argument("source")
@click.option("-o", "--out", default="codes.safetensors", show_default=True, type=FILE, help="Face codes to write.")
@click.option("--preview", type=FILE, help="Of a file: contact sheet (PNG) of frame, mask, landmarks, mesh and hint.")
@click.option("--mask", type=FILE, help="Of a clip: its portrait mask (lossless video, .mkv).")
@DATA
@PARAMS
def face_codes(source: str, out: Path, preview: Path | None, mask: Path | None, data: Path, params: Path) -> None:
    """Write the face codes of SOURCE, for `lcvd relight --drive` and for programs.

    SOURCE is a video or image, which is reconstructed, or the id of a clip that stage reconstruct processed.
    """
    if Path(source).is_file():
        if mask:
            raise UsageError(f"--mask needs the id of a clip, and {source} is a file")
        _reconstruct(Path(source), out, preview, params)
    else:
        if preview:
            raise UsageError(f"--preview needs a video or image, and there is no file {source}")
        _extract(source, out, mask, data)


def _reconstruct(source: Path, out: Path, preview: Path | None, params: Path) -> None:
    settings = load_settings(params)
    with tempfile.TemporaryDirectory() as folder:
        codes, file, sheet = reconstruct_file(source, Path(folder), settings)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, out)
        if preview:
            shutil.copyfile(sheet, preview)
    click.echo(f"{out}: {codes.frames} frames, mean confidence {codes.confidence.mean():.2f}")


def _extract(id: str, out: Path, mask: Path | None, data: Path) -> None:
    packs = Packs(data / "reconstruct")
    for path, part in ((out, CODES), (mask, MASK)):
        if path is not None:
            try:
                found = packs.part(id, part)
            except ClipError as error:
                raise UsageError(f"{error}; `lcvd ledger {id}` shows what happened to the clip") from None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(found)
    click.echo(f"{out}: {packs.codes(id).frames} frames")
