"""What made a video, in a JSON file beside it and in its own comment.

The terms are IPTC's digital source types, which C2PA manifests use too, so that a signing tool can take them over.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcvd.cache.store import file_hash
from lcvd.relight.motion import seconds_of

if TYPE_CHECKING:
    from lcvd.relight.result import Output, Relit

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED, COMPUTED = f"{_TERMS}trainedAlgorithmicMedia", f"{_TERMS}algorithmicMedia"


def side_path(video: Path) -> Path:
    """Where a video's side file lies."""
    return video.with_suffix(".json")


def comment_of(generated: bool, video: Path) -> str:
    """The comment that a video's own metadata carry."""
    what = (
        f"AI-generated: {GENERATED}" if generated else f"computer graphics, a preview of light and motion: {COMPUTED}"
    )
    return f"{what}; LCVD {version('lcvd')}; made as {side_path(video).name} tells"


def side_file(relit: Relit, output: Output, video: Path, name: str, frames: int) -> dict[str, Any]:
    """Everything about a video that was written: no date, host or folder, so that the same call gives the same bytes."""
    generated = relit.model is not None
    return {
        "lcvd": version("lcvd"),
        "ai_generated": generated,
        "digitalSourceType": GENERATED if generated else COMPUTED,
        **relit.about(),
        "output": {
            "file": name,
            "sha256": file_hash(video),
            "frames": frames,
            "fps": round(relit.fps, 6),
            "size": output.size,
            "paste_back": output.paste_back,
            "side_by_side": output.side_by_side,
            "keep_audio": output.keep_audio,
        },
        "bridged_seconds": seconds_of(relit.scene.motion),
    }


def write_side_file(video: Path, found: dict[str, Any]) -> None:
    """Write it beside the video, aside and renamed."""
    target = side_path(video)
    aside = target.with_name(f".{target.name}.part")
    aside.write_text(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    aside.replace(target)
