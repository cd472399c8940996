"""Repair DVC's corrupted ``.dvc/tmp/rwlock``: ``python -m tasks.ops.repair_dvc_lock``, which `make demo` runs before `dvc repro`.

DVC rewrites this file in place. If it is killed meanwhile, the file is truncated, and every later `dvc repro` fails. An entry
is only valid while its process is alive, so deleting the file loses nothing if no `dvc` is running.
"""

import json
import logging
import time
from pathlib import Path

TRIES, PAUSE_S = 5, 0.2
log = logging.getLogger("lcvd.unlock")


def unlock(root: Path) -> bool:
    """Remove the file if it isn't valid JSON for a second (a live `dvc` writes it in a millisecond); returns whether it did."""
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
    log.warning("removed %s, which was truncated because a dvc was killed while writing it", path.relative_to(root))
    return True


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    unlock(Path.cwd())
