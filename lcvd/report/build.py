"""The report: one self-contained HTML file for desktop, phone and paper."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from lcvd.cache.atomic import write_text_whole
from lcvd.evaluate.caveats import is_small
from lcvd.evaluate.methods.registry import DRIVING, OURS
from lcvd.light.presets import preset
from lcvd.render.sh import dominant_direction
from lcvd.report import collect
from lcvd.report.chart import line_chart
from lcvd.report.dataset_stats import dataset_stats, quality_scores
from lcvd.report.figures import figures, overview_strip
from lcvd.report.histogram import histogram, light_map
from lcvd.report.media import image_uri, poster_uri, video_uri
from lcvd.report.templates import templates_of
from lcvd.report.truth import ERRORS, compare_with_truth

ASSETS = Path(__file__).parent / "assets"
SHEET_WIDTH = 1200


def build_report(data: Path, out: Path) -> Path:
    """Write the report on all stages under `data` to `out` and return `out`.

    Ids, reasons and addresses come from users' files and are escaped; the page loads nothing from a network. Equal
    inputs give equal bytes.

    Raises:
        FileNotFoundError: the model has not been evaluated yet; the message names the missing file.
    """
    text = (
        templates_of("lcvd.report")
        .get_template("report.html")
        .render(
            # These two files belong to the project.
            style=Markup((ASSETS / "report.css").read_text(encoding="utf-8")),
            script=Markup((ASSETS / "report.js").read_text(encoding="utf-8")),
            **_context(data),
        )
    )
    write_text_whole(out, text)
    return out


def _context(data: Path) -> dict[str, Any]:
    records = collect.read_records(data)
    run = collect.run_of(records)
    dropped = collect.dropped_clips(data)
    curves = collect.curves(data)
    sheets = sorted((data / "reconstruct" / "preview").glob("*.png"))
    grids = figures(data)
    return {
        "run": run,
        "small": is_small(run),
        "overview": overview_strip(grids),
        "stages": collect.stage_counts(data),
        "dropped": dropped[: collect.MAX_DROPPED],
        "dropped_total": len(dropped),
        "metrics": collect.metric_rows(records),
        "without_face": collect.frames_without_face(records),
        "relighting": collect.relighting_result(records),
        "methods": records["methods"],
        "lights": records["methods"][OURS]["lights"],
        "lights_driving": records["methods"][DRIVING]["lights"],
        "clips": records["inputs"],
        "clip_videos": [_clip_videos(data, clip, run["lights"]) for clip in records["inputs"][: collect.MAX_VIDEOS]],
        "figures": grids,
        "curves": curves,
        "chart": line_chart(curves, "optimiser steps", "loss") if curves else None,
        "plots": _plots(data, run),
        "truth": compare_with_truth(data),
        "errors": ERRORS,
        "sheets": [(path.stem, image_uri(path, SHEET_WIDTH)) for path in sheets[: collect.MAX_SHEETS]],
        "sheets_total": len(sheets),
        "training": collect.training_numbers(data),
        "start": collect.training_start(data),
        "number": collect.number,
    }


def _clip_videos(data: Path, clip: dict[str, Any], lights: list[str]) -> dict[str, Any]:
    paths = {light: data / "evaluate" / "videos" / f"{clip['id']}_{light}_side.mp4" for light in lights}
    columns = ["driving", "hint", "result", *(["truth"] if clip["truth"] else [])]
    return {
        **clip,
        "columns": columns,
        "videos": [(light, video_uri(path), poster_uri(path)) for light, path in paths.items()],
    }


def _plots(data: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Charts of the dataset; None for charts without data."""
    plots: dict[str, Any] = dict.fromkeys(("light", "yaw", "pitch", "clips", "quality"))
    if scores := quality_scores(data):
        quality = run["quality"]
        side = "below" if quality["higher_is_better"] else "above"
        threshold = quality["limit"], f"filtered {side} {quality['limit']:g}"
        plots["quality"] = histogram(scores, (0, quality["top"], 20), quality["metric"].upper(), "clips", threshold)
    if stats := dataset_stats(data):
        plots["yaw"] = histogram(stats.yaw, (-90, 90, 36), "degrees, positive to the right of the image", "frames")
        plots["pitch"] = histogram(stats.pitch, (-60, 60, 24), "degrees, positive upwards", "frames")
        plots["light"] = light_map(stats.light, {name: dominant_direction(preset(name)) for name in run["lights"]})
        plots["clips"] = stats.clips
    return plots
