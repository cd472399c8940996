"""Record how a video was made: in a JSON side file, and in the video's comment.

The terms are IPTC's digital source types. C2PA manifests use them too, so a signing tool can copy them.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import write_text_whole

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED, COMPUTED = f"{_TERMS}trainedAlgorithmicMedia", f"{_TERMS}algorithmicMedia"


def side_path(video: Path) -> Path:
    """Path of the side file: ``out.mp4.json``, so that ``out.png`` has a different one."""
    return video.with_name(f"{video.name}.json")


def comment_of(generated: bool, video: Path) -> str:
    """The comment for the video's metadata."""
    what = (
        f"AI-generated: {GENERATED}" if generated else f"computer graphics, a preview of light and motion: {COMPUTED}"
    )
    return f"{what}; LCVD {version('lcvd')}; made as {side_path(video).name} tells"


def write_side_file(video: Path, generated: bool, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write the side file of `video` and return its content.

    Args:
        video: the file that is described.
        generated: whether a model made it; otherwise it is rendered.
        about: how it was made and written, without date, host or folder, so that equal calls give equal bytes.
    """
    source_type = GENERATED if generated else COMPUTED
    content = {"lcvd": version("lcvd"), "ai_generated": generated, "digitalSourceType": source_type, **about}
    write_text_whole(side_path(video), json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    return content
