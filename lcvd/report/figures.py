"""Image grids written by the evaluation, with all tiles embedded."""

import json
from pathlib import Path
from typing import Any

from lcvd.report.media import image_uri

TILE_WIDTH = 512


def figures(data: Path) -> dict[str, Any] | None:
    """``evaluate/figures/figures.json`` with a `uri` added to each cell; None if there are no figures."""
    folder = data / "evaluate" / "figures"
    path = folder / "figures.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for figure in found["figures"]:
        for row in figure["rows"]:
            for cell in row["cells"]:
                # Use only the file name, so that nothing outside the folder is read.
                cell["uri"] = image_uri(folder / Path(cell["file"]).name, TILE_WIDTH)
    return found


def overview_strip(found: dict[str, Any] | None) -> dict[str, str] | None:
    """Tiles of the first light by column, for the strip at the top of the report: ``{"Reference": uri, ...}``."""
    if found is None:
        return None
    [lights] = [figure for figure in found["figures"] if figure["name"] == "lights"]
    return {name: cell["uri"] for name, cell in zip(lights["columns"], lights["rows"][0]["cells"], strict=True)}
