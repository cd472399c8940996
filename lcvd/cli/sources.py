"""``lcvd sources``: where clips come from."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from lcvd.config.settings import TrackSettings
from lcvd.ledger.rows import ClipError
from lcvd.sources.local import Entry, rows_of, scan_folder
from lcvd.sources.manifest import read_manifests, write_manifest
from lcvd.video.clip import Clip

_FOLDER = click.option("--manifests", default="data/sources", show_default=True, type=click.Path(path_type=Path))
_SAMPLES = 3


@click.group()
def sources() -> None:
    """The source manifests in data/sources."""


@sources.command()
@_FOLDER
def check(manifests: Path) -> None:
    """Check every manifest; mistakes are named with file, line and column."""
    found = read_manifests(manifests)
    click.echo(f"{manifests}: {len(found)} clips of {len({source.identity for source in found})} identities")


@sources.command()
@click.argument("clips", type=click.Path(path_type=Path, exists=True, file_okay=False))
@_FOLDER
def folder(clips: Path, manifests: Path) -> None:
    """Write local.csv for a folder of CLIPS: relative names, hashes, and who is in them (by face embeddings)."""
    from lcvd.face.embedding import cluster

    local = manifests / "local.csv"
    entries = scan_folder(clips, {source.id for source in read_manifests(manifests, skip=local.name)})
    vectors = {}
    with click.progressbar(entries, label="Who is in the clips", item_show_func=lambda e: e.name if e else "") as bar:
        for entry in bar:
            vector = _embedding(clips, entry)
            if vector is not None:
                vectors[entry.id] = vector
    write_manifest(local, rows_of(entries, cluster(vectors)))
    click.echo(f"{local}: {len(entries)} files, a face found in {len(vectors)}")


@sources.command()
@_FOLDER
def forget(manifests: Path) -> None:
    """Remove local.csv."""
    (manifests / "local.csv").unlink(missing_ok=True)


def _embedding(folder: Path, entry: Entry) -> np.ndarray | None:
    """Mean embedding of the face over a few frames; None where there is no video or no face (a later stage says why)."""
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
