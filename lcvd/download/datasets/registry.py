"""Published datasets, the location of their annotation files, and their conversion to a manifest."""

import os
from pathlib import Path

from lcvd.cache.store import file_hash
from lcvd.config.download import DownloadSettings
from lcvd.download.datasets import celebv_hq, ffhq, hdtf, talkinghead_1kh, vfhq
from lcvd.download.datasets.base import Annotation, Dataset, ImportResult
from lcvd.download.fetch.http import fetch
from lcvd.download.manifest.files import manifest_error
from lcvd.errors import FileError, MissingFile
from lcvd.registry import Registry

DATASETS: Registry[Dataset] = Registry("dataset", "lcvd.datasets", Dataset)
for _dataset in (celebv_hq.DATASET, vfhq.DATASET, hdtf.DATASET, ffhq.DATASET, talkinghead_1kh.DATASET):
    DATASETS.register(_dataset.name, _dataset)
VARIABLE = "LCVD_ANNOTATIONS"


def annotations_folder(name: str) -> Path:
    """Folder of a dataset's annotation files: below `LCVD_ANNOTATIONS`, default ``~/.cache/lcvd/annotations``."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "lcvd" / "annotations") / name


def fetch_annotations(dataset: Dataset, settings: DownloadSettings) -> list[tuple[Path, str]]:
    """Download the missing annotation files; returns (path, SHA-256) of all of them.

    Raises:
        MissingFile: a file must be downloaded by hand; the message has the address and the path.
        ValueError: a file has another hash than expected.
        ClipError: a download failed.
    """
    found = []
    for annotation in dataset.annotations:
        path = annotations_folder(dataset.name) / annotation.file
        if not path.is_file():
            if not annotation.url:
                raise MissingFile(_manual_download_message(dataset, annotation))
            path.parent.mkdir(parents=True, exist_ok=True)
            fetch(annotation.url, path, settings)
        digest = file_hash(path)
        if annotation.sha256 not in ("", digest):
            raise FileError(
                f"{path}: SHA-256 is {digest}, expected {annotation.sha256}; remove the file and fetch it again"
            )
        found.append((path, digest))
    return found


def read_dataset(dataset: Dataset, path: Path | None = None, skip_errors: bool = False) -> ImportResult:
    """Rows of a dataset's annotations at `path`, or in the folder that `fetch_annotations` writes to.

    Rows without columns ``licence`` and ``dataset`` get those of the dataset.

    Raises:
        ManifestError: lists file, line, field, found and expected of every error, unless `skip_errors`.
        MissingFile: annotation files are missing; the message has a remedy.
    """
    if path is None:
        path = annotations_folder(dataset.name)
        missing = [each for each in dataset.annotations if not (path / each.file).is_file()]
        if missing and missing[0].url:
            raise MissingFile(f"{path / missing[0].file}: missing; run `lcvd sources fetch {dataset.name}`")
        if missing:
            raise MissingFile(_manual_download_message(dataset, missing[0]))
    elif not path.exists():
        raise MissingFile(f"{path}: no such file or folder; choose the annotations of {dataset.name}")
    result = dataset.read(path)
    result.rows = [{"licence": dataset.licence, "dataset": dataset.name, **row} for row in result.rows]
    if result.errors and not skip_errors:
        raise manifest_error(
            f"{path}: errors in the annotations of {dataset.name} (--skip omits these clips):", result.errors
        )
    return result


def _manual_download_message(dataset: Dataset, annotation: Annotation) -> str:
    path = annotations_folder(dataset.name) / annotation.file
    return (
        f"{dataset.name}: {annotation.file} must be downloaded by hand from {dataset.address} (licence: {dataset.licence}); "
        f"save it as {path}, or set {VARIABLE} to another folder"
    )
