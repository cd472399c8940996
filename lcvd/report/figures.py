"""The picture grids that evaluation left, with every tile embedded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lcvd.report.media import picture_uri

TILE_WIDTH = 512


def figures(data: Path) -> dict[str, Any] | None:
    """``evaluate/figures/figures.json`` with a `uri` in each cell; None where no figures were drawn."""
    folder = data / "evaluate" / "figures"
    path = folder / "figures.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for figure in found["figures"]:
        for row in figure["rows"]:
            for cell in row["cells"]:
                # The name was written by evaluation; whatever it says, nothing outside the folder is read.
                cell["uri"] = picture_uri(folder / Path(cell["file"]).name, TILE_WIDTH)
    return found


def opening(found: dict[str, Any] | None) -> dict[str, str] | None:
    """Tiles of the first light by their column, for the strip that opens the report: ``{"Reference": uri, ...}``."""
    if found is None:
        return None
    [lights] = [figure for figure in found["figures"] if figure["name"] == "lights"]
    return {name: cell["uri"] for name, cell in zip(lights["columns"], lights["rows"][0]["cells"], strict=True)}
