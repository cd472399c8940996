"""Published datasets by name, where their annotation files are, and how these become a manifest."""

from __future__ import annotations

import os
from pathlib import Path

from lcvd.cache.store import file_hash
from lcvd.config.download import DownloadSettings
from lcvd.download.datasets import celebv_hq, ffhq, hdtf, talkinghead_1kh, vfhq
from lcvd.download.datasets.base import Annotation, Dataset, Reading
from lcvd.download.fetch.http import fetch
from lcvd.download.manifest.files import listed
from lcvd.registry import Registry

DATASETS: Registry[Dataset] = Registry("dataset", "lcvd.datasets", Dataset)
for _known in (celebv_hq.DATASET, vfhq.DATASET, hdtf.DATASET, ffhq.DATASET, talkinghead_1kh.DATASET):
    DATASETS.register(_known.name, _known)
VARIABLE = "LCVD_ANNOTATIONS"


def annotations_folder(name: str) -> Path:
    """Where a dataset's annotation files are looked for: below `LCVD_ANNOTATIONS`, else ``~/.cache/lcvd/annotations``."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "lcvd" / "annotations") / name


def fetch_annotations(known: Dataset, settings: DownloadSettings) -> list[tuple[Path, str]]:
    """Fetch the annotation files that aren't there; (path, SHA-256) of each.

    Raises:
        FileNotFoundError: a file that only a person can get isn't there: where it is published and where to put it.
        ValueError: a file's bytes aren't those that are known.
        ClipError: an address can't be fetched.
    """
    found = []
    for annotation in known.annotations:
        path = annotations_folder(known.name) / annotation.file
        if not path.is_file():
            if not annotation.url:
                raise FileNotFoundError(_by_hand(known, annotation))
            path.parent.mkdir(parents=True, exist_ok=True)
            fetch(annotation.url, path, settings)
        digest = file_hash(path)
        if annotation.sha256 not in ("", digest):
            raise ValueError(
                f"{path}: its SHA-256 is {digest}, expected {annotation.sha256}; remove it, fetch it again"
            )
        found.append((path, digest))
    return found


def read_dataset(known: Dataset, path: Path | None = None, skip_mistakes: bool = False) -> Reading:
    """Rows of a dataset's annotations at `path`, or where `fetch_annotations` puts them.

    Raises:
        ManifestError: lists the mistakes by file, line, field, found and expected, unless `skip_mistakes`.
        FileNotFoundError: the files aren't there: how to get them.
    """
    if path is None:
        path = annotations_folder(known.name)
        missing = [each for each in known.annotations if not (path / each.file).is_file()]
        if missing and missing[0].url:
            raise FileNotFoundError(f"{path / missing[0].file}: not there; run `lcvd sources fetch {known.name}`")
        if missing:
            raise FileNotFoundError(_by_hand(known, missing[0]))
    elif not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; name {known.name}'s annotations")
    reading = known.read(path)
    if reading.mistakes and not skip_mistakes:
        raise listed(f"{path}: not as {known.name}'s annotations are (--skip leaves such clips out):", reading.mistakes)
    return reading


def _by_hand(known: Dataset, annotation: Annotation) -> str:
    return (
        f"{known.name}: {annotation.file} can't be fetched by a program; get it from {known.address} (licence: "
        f"{known.licence}) and put it at {annotations_folder(known.name) / annotation.file}, or name another folder in {VARIABLE}"
    )
