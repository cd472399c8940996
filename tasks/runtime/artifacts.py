"""Tables and images of a stage in Prefect's user interface."""

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from lcvd.ledger.numbers import Work
from lcvd.ledger.rows import Row
from lcvd.ledger.story import counts

ROWS = 200
IMAGES = 4
WIDTH = 960


def show_ledger(stage: str, rows: Sequence[Row]) -> None:
    """Show the counts by status and reason, and the first `ROWS` clips that weren't kept."""
    lines = [f"| {key} | {number} |" for key, number in counts(rows).items()]
    create_markdown_artifact("\n".join(["| status | clips |", "|---|---|", *lines]), key=f"{stage}-counts")
    missed = [row for row in rows if row.status != "kept"]
    table: list[dict[str, Any]] = [
        {"clip": row.id, "status": row.status, "reason": row.reason, "score": row.score, "detail": row.detail}
        for row in missed[:ROWS]
    ]
    if table:
        create_table_artifact(
            table, key=f"{stage}-left-out", description=f"{len(missed)} clips of `{stage}` weren't kept"
        )


def show_numbers(work: Work) -> None:
    """Show the throughput of a piece of work and the parts of its time."""
    table: list[dict[str, Any]] = [
        {"part": name, "share": f"{share:.1%}", "worker seconds": round(share * work.workers * work.wall_s, 2)}
        for name, share in work.shares().items()
    ]
    rate = f"{work.clips} clips and {work.frames} frames in {work.wall_s:.1f} s, {work.computed} clips computed"
    description = f"{rate}, {work.workers} workers; bottleneck: {work.bottleneck}"
    create_table_artifact(table, key=f"{work.name}-numbers", description=description)


def show_json(key: str, path: Path) -> None:
    """Show a JSON file of numbers as a table of dotted names."""
    table = [{"name": name, "value": value} for name, value in _flat(json.loads(path.read_text(encoding="utf-8")))]
    if table:
        create_table_artifact(table, key=key, description=path.as_posix())


def show_images(key: str, paths: Iterable[Path]) -> None:
    """Show the first `IMAGES` images by name, embedded, so that they are visible without access to the machine."""
    found = sorted(paths)
    shown = [f"**{path.stem}**\n\n![{path.stem}]({_data_uri(path)})" for path in found[:IMAGES]]
    if shown:
        create_markdown_artifact("\n\n".join(shown), key=key, description=f"{len(shown)} of {len(found)}")


def show_text(key: str, path: Path) -> None:
    """Show a Markdown file."""
    create_markdown_artifact(path.read_text(encoding="utf-8"), key=key)


def _data_uri(path: Path) -> str:
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((WIDTH, 8 * WIDTH))
        stream = io.BytesIO()
        small.save(stream, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [item for key in value for item in _flat(value[key], f"{name}.{key}" if name else str(key))]
    return [(name, value)] if isinstance(value, int | float | str | bool) else []
