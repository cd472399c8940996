"""What made a video, in a JSON file beside it and in its own comment.

The terms are IPTC's digital source types, which C2PA manifests use too, so that a signing tool can take them over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import write_text_whole
from lcvd.cache.store import file_hash

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED, COMPUTED = f"{_TERMS}trainedAlgorithmicMedia", f"{_TERMS}algorithmicMedia"


def side_path(video: Path) -> Path:
    """Where a video's side file lies: ``out.mp4.json``, so that a picture of the same name has one of its own."""
    return video.with_name(f"{video.name}.json")


def comment_of(generated: bool, video: Path) -> str:
    """The comment that a video's own metadata carry."""
    what = (
        f"AI-generated: {GENERATED}" if generated else f"computer graphics, a preview of light and motion: {COMPUTED}"
    )
    return f"{what}; LCVD {version('lcvd')}; made as {side_path(video).name} tells"


def side_file(
    generated: bool,
    made: Mapping[str, Any],
    video: Path,
    output: Mapping[str, Any],
    bridged: Sequence[tuple[float, float]],
) -> dict[str, Any]:
    """Everything about a video that was written: no date, host or folder, so that the same call gives the same bytes.

    Args:
        generated: by a model; otherwise it is computed.
        made: of what it was made, and how.
        video: the file.
        output: how it was written.
        bridged: seconds, half-open, in which no face was seen.
    """
    return {
        "lcvd": version("lcvd"),
        "ai_generated": generated,
        "digitalSourceType": GENERATED if generated else COMPUTED,
        **made,
        "output": {**output, "sha256": file_hash(video)},
        "bridged_seconds": [list(pair) for pair in bridged],
    }


def write_side_file(video: Path, found: dict[str, Any]) -> None:
    """Write `found` beside the video."""
    write_text_whole(side_path(video), json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
