"""The report: one HTML file with everything in it, for a browser, a phone or paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lcvd.evaluate.caveats import is_small
from lcvd.light.presets import preset
from lcvd.metrics.registry import ARMS
from lcvd.render.sh import dominant_direction
from lcvd.report import collect
from lcvd.report.chart import line_chart
from lcvd.report.figures import figures, opening
from lcvd.report.histogram import Limit, histogram, light_map
from lcvd.report.media import picture_uri, poster_uri, video_uri
from lcvd.report.spread import quality_scores, spread
from lcvd.report.truth import ERRORS, compared

ASSETS = Path(__file__).parent / "assets"
SHEET_WIDTH = 1200


def build_report(data: Path, out: Path) -> Path:
    """Write the report of all stages under `data` to `out` and return it.

    Ids, reasons and addresses come from users' files and are escaped; nothing is loaded from a network. Equal inputs
    give equal bytes.

    Raises:
        FileNotFoundError: the model hasn't been evaluated yet; the message names the file.
    """
    # Autoescape is on for every template: clips are named by whoever made the manifest.
    environment = Environment(
        loader=PackageLoader("lcvd.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("report.html").render(
        # These two are the project's own files.
        style=Markup((ASSETS / "report.css").read_text(encoding="utf-8")),
        script=Markup((ASSETS / "report.js").read_text(encoding="utf-8")),
        **_context(data),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(out)
    return out


def _context(data: Path) -> dict[str, Any]:
    records = collect.evaluation(data)
    missed = collect.left_out(data)
    curves = collect.curves(data)
    sheets = sorted((data / "reconstruct" / "preview").glob("*.png"))
    grids = figures(data)
    return {
        "protocol": records["protocol"],
        "small": is_small(records["protocol"]),
        "opening": opening(grids),
        "stages": collect.stage_counts(data),
        "left_out": missed[: collect.LEFT_OUT],
        "left_out_total": len(missed),
        "metrics": collect.metric_rows(records),
        "faceless": collect.faceless(records),
        "reached": collect.light_reached(records),
        "arms": [(key, *ARMS[key]) for key in ARMS if records["arms"].get(key)],
        "lights": records["lights"],
        "lights_driving": records["lights_driving"],
        "clips": records["clips"],
        "films": [_film(data, clip, records["protocol"]["lights"]) for clip in records["clips"][: collect.FILMS]],
        "figures": grids,
        "curves": curves,
        "chart": line_chart(curves, "optimiser steps", "loss") if curves else None,
        "plots": _plots(data, records["protocol"]),
        "truth": compared(data),
        "errors": ERRORS,
        "sheets": [(path.stem, picture_uri(path, SHEET_WIDTH)) for path in sheets[: collect.SHEETS]],
        "sheets_total": len(sheets),
        "training": collect.training_numbers(data),
        "start": collect.training_start(data),
        "number": collect.number,
    }


def _film(data: Path, clip: dict[str, Any], lights: list[str]) -> dict[str, Any]:
    paths = {light: data / "evaluate" / "videos" / f"{clip['id']}_{light}_side.mp4" for light in lights}
    return {**clip, "videos": [(light, video_uri(path), poster_uri(path)) for light, path in paths.items()]}


def _plots(data: Path, protocol: dict[str, Any]) -> dict[str, Any]:
    """What the clips are like, as charts; None stands for those without data."""
    plots: dict[str, Any] = dict.fromkeys(("light", "yaw", "pitch", "clips", "quality"))
    if scores := quality_scores(data):
        quality = protocol["quality"]
        limit = Limit(
            quality["limit"], f"left out {'below' if quality['higher_is_better'] else 'above'} {quality['limit']:g}"
        )
        plots["quality"] = histogram(scores, (0, quality["top"], 20), quality["metric"].upper(), "clips", limit)
    if found := spread(data):
        plots["yaw"] = histogram(found.yaw, (-90, 90, 36), "degrees, above 0 to the picture's right", "frames")
        plots["pitch"] = histogram(found.pitch, (-60, 60, 24), "degrees, above 0 upwards", "frames")
        plots["light"] = light_map(found.light, {name: dominant_direction(preset(name)) for name in protocol["lights"]})
        plots["clips"] = found.clips
    return plots
