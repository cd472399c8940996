"""DVC's note of who reads and writes what, mended: ``python -m tasks.ops.repair_dvc_lock``, as `make demo` does before `dvc repro`.

DVC rewrites ``.dvc/tmp/rwlock`` in place. Where it was killed in that moment the file is torn, and every later `dvc repro` refuses to
start. An entry in it counts only as long as its process lives, so without a live `dvc` nothing is lost with the file.
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

TRIES, PAUSE_S = 5, 0.2
log = logging.getLogger("lcvd.unlock")


def unlock(root: Path) -> bool:
    """Remove the note if it is torn, and stays so for a second (a live `dvc` writes it within a millisecond); whether it was."""
    path = root / ".dvc" / "tmp" / "rwlock"
    for _ in range(TRIES):
        try:
            json.loads(path.read_text(encoding="utf-8"))
            return False
        except FileNotFoundError:
            return False
        except ValueError:
            time.sleep(PAUSE_S)
    path.unlink(missing_ok=True)
    log.warning("%s was torn, for a dvc was killed while writing it: removed", path.relative_to(root))
    return True


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    unlock(Path.cwd())
