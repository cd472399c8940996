"""Stop the stage before the disk is full: that is a machine error, not a per-clip failure."""

import shutil
from pathlib import Path

from lcvd.config.download import DownloadSettings
from lcvd.errors import MachineError


def require_free_space(folder: Path, settings: DownloadSettings, incoming: int = 0) -> None:
    """Check that `incoming` more bytes leave `settings.min_free_gb` free on the disk of `folder`.

    Raises:
        MachineError: they do not.
    """
    free = shutil.disk_usage(folder).free
    if free - incoming < settings.min_free_gb * 1e9:
        raise MachineError(
            f"{free / 1e9:.1f} GB free, {incoming / 1e9:.1f} GB needed, and download.min_free_gb reserves {settings.min_free_gb:g}; "
            "free some disk space and run the stage again (finished downloads are kept)"
        )
