"""``lcvd sources``: source manifests and the datasets they are made from."""

import os
import shlex
from pathlib import Path

import click
import numpy as np

from lcvd.cli.options import EXISTING_FOLDER, FOLDER, PATH, SCRATCH
from lcvd.config.filter import TrackSettings
from lcvd.download.fetch.failures import FailureCache
from lcvd.download.manifest.files import read_manifests, write_manifest
from lcvd.download.manifest.folder import ClipFile, manifest_rows, scan_folder
from lcvd.ledger.rows import ClipError
from lcvd.video.clip import Clip

_MANIFESTS = click.option(
    "--manifests", default="data/sources", show_default=True, type=FOLDER, help="Folder of the source manifests."
)
_SAMPLES = 3


@click.group()
def sources() -> None:
    """Write and check source manifests, and fetch published annotations."""


@sources.command()
@_MANIFESTS
def check(manifests: Path) -> None:
    """Check every manifest and name each error with its file, line and column."""
    found = read_manifests(manifests)
    click.echo(f"{manifests}: {len(found)} clips of {len({source.identity for source in found})} identities")


@sources.command()
@click.argument("clips", type=EXISTING_FOLDER)
@_MANIFESTS
def folder(clips: Path, manifests: Path) -> None:
    """Write local.csv for the folder CLIPS: relative names, hashes, and identities by face embeddings."""
    from lcvd.face.people import cluster

    local = manifests / "local.csv"
    entries = scan_folder(clips, {source.id for source in read_manifests(manifests, skip=local.name)})
    vectors = {}
    with click.progressbar(entries, label="Comparing faces", item_show_func=lambda e: e.name if e else "") as bar:
        for entry in bar:
            vector = _embedding(clips, entry)
            if vector is not None:
                vectors[entry.id] = vector
    write_manifest(local, manifest_rows(entries, cluster(vectors)))
    click.echo(f"{local}: {len(entries)} files, a face found in {len(vectors)}")
    if Path(os.environ.get("LCVD_CLIPS", "")).resolve() != clips.resolve():
        click.echo(f"addresses are relative to LCVD_CLIPS: export LCVD_CLIPS={shlex.quote(str(clips.resolve()))}")


@sources.command()
def datasets() -> None:
    """List the datasets that can become manifests, with licence, address and the annotation files found."""
    from lcvd.download.datasets.registry import DATASETS, annotations_folder

    for name in DATASETS:
        known = DATASETS.get(name)
        folder = annotations_folder(known.name)
        here = sum((folder / each.file).is_file() for each in known.annotations)
        click.echo(f"{known.name:16} {here} of {len(known.annotations)} files found in {folder}")
        click.echo(f"{'':16} {known.address} ({known.licence})")


@sources.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Fetch the annotation files of dataset NAME (`lcvd sources datasets` lists them)."""
    from lcvd.config.download import DownloadSettings
    from lcvd.download.datasets.registry import DATASETS, fetch_annotations

    known = DATASETS.get(name)
    click.echo(f"{name}: licence: {known.licence}")
    for path, digest in fetch_annotations(known, DownloadSettings()):
        click.echo(f"{path} {digest}")


@sources.command("import")
@click.argument("name")
@click.argument("path", required=False, type=PATH)
@click.option("--output", "-o", type=PATH, help="Manifest to write (default: data/sources/NAME.csv).")
@click.option("--skip", is_flag=True, help="Leave out and list entries with errors, instead of refusing the file.")
def import_(name: str, path: Path | None, output: Path | None, skip: bool) -> None:
    """Write the manifest of dataset NAME from its annotations at PATH (a file or folder; default: where `fetch` puts them)."""
    from lcvd.download.datasets.registry import DATASETS, read_dataset

    known = DATASETS.get(name)
    result = read_dataset(known, path, skip_errors=skip)
    output = output or Path("data/sources") / f"{name}.csv"
    count = write_manifest(output, result.rows)
    omitted = [*result.errors, *result.omitted]
    for entry in omitted:
        click.echo(f"left out: {entry}", err=True)
    counts = f"{count} clips of {len({row['identity'] for row in result.rows})} identities, {len(omitted)} left out"
    reader = "".join(f"; read by {package}" for package in DATASETS.package(name).values())
    click.echo(f"{output}: {counts}; licence: {known.licence}{reader}")


@sources.command()
@SCRATCH
def revive(scratch: Path) -> None:
    """Forget which addresses failed, so that the next `lcvd retry download` requests them again."""
    count = FailureCache(scratch / "verdicts", run="").clear()
    click.echo(f"{count} failed addresses forgotten; `lcvd retry download` requests them again")


@sources.command()
@_MANIFESTS
def forget(manifests: Path) -> None:
    """Remove local.csv."""
    (manifests / "local.csv").unlink(missing_ok=True)


def _embedding(folder: Path, entry: ClipFile) -> np.ndarray | None:
    """Mean embedding of the face over a few frames; None without a video or a face, which later stages report."""
    from lcvd.face.embedding import embed, five_points
    from lcvd.face.track import Tracker
    from lcvd.video.decode import read
    from lcvd.video.probe import probe

    path = folder / entry.name
    try:
        found = probe(path)
        clip = Clip(entry.id, "", path, "", 0, found.frames, found.fps, found.width, found.height, None, "", "")
        images = read(clip, [int(i) for i in np.linspace(0, found.frames - 1, _SAMPLES)])
    except ClipError:
        return None
    tracker = Tracker(TrackSettings())
    tracker.update(images)
    track = tracker.finish()
    if not track.present.any():
        return None
    mean = embed(images[track.present], five_points(track.landmarks[track.present])).mean(0)
    return mean / np.linalg.norm(mean)
