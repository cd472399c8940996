"""A disk that fills up is about the machine, not about a clip: the stage ends before it is full."""

from __future__ import annotations

import shutil
from pathlib import Path

from lcvd.config.download import DownloadSettings
from lcvd.errors import MachineError


def need_room(folder: Path, settings: DownloadSettings, coming: int = 0) -> None:
    """See that `coming` bytes more leave `settings.min_free_gb` free in `folder`'s disk.

    Raises:
        MachineError: they don't.
    """
    free = shutil.disk_usage(folder).free
    if free - coming < settings.min_free_gb * 1e9:
        raise MachineError(
            f"{free / 1e9:.1f} GB are free and {coming / 1e9:.1f} GB are to come, download.min_free_gb wants "
            f"{settings.min_free_gb:g} left; free some and run it again: what was fetched isn't fetched again"
        )
