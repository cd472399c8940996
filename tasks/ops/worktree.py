"""A git worktree at a fixed commit that shares the project's DVC cache, so that runs only use committed files."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.ops.dvc import dvc, git
from tasks.runtime.entrypoint import StageError
from tasks.runtime.environment import scratch
from tasks.runtime.supervisor import ChildError

log = logging.getLogger("lcvd.worktree")


@contextlib.contextmanager
def pinned(root: Path, commit: str, name: str) -> Iterator[Path]:
    """A worktree of the project at `root`, detached at `commit`; removed at the end.

    Removes the worktrees of killed runs first.

    Raises:
        StageError: `commit` doesn't exist, or the project isn't a git repository.
    """
    try:
        [sha] = git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", root=root)
    except (ChildError, ValueError):
        raise StageError(
            f"{commit!r} is no commit of the git repository at {root}; commit first, or choose another"
        ) from None
    folder = scratch() / "worktrees"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "sweep.lock"):
        _sweep(root, folder)
        lock = FileLock(folder / f"{name}.lock")
        lock.acquire(timeout=0)
        place = folder / name
        git("worktree", "add", "--detach", str(place), sha, root=root)
    try:
        _share_cache(root, place)
        log.info("using a worktree at commit %s", sha[:10])
        yield place
    finally:
        _remove(root, place)
        lock.release()
        (folder / f"{name}.lock").unlink(missing_ok=True)


def _share_cache(root: Path, place: Path) -> None:
    """Let the worktree's DVC use the project's cache and its `config.local` (remotes, credentials)."""
    local = root / ".dvc" / "config.local"
    if local.exists():
        shutil.copyfile(local, place / ".dvc" / "config.local")
    cache = dvc("cache", "dir", root=root)[-1]
    dvc("config", "--local", "cache.dir", str(root / cache), root=place)


def _sweep(root: Path, folder: Path) -> None:
    for path in sorted(folder.glob("*.lock")):
        place = path.with_suffix("")
        if path.name == "sweep.lock":
            continue
        try:
            with FileLock(path, timeout=0):
                log.info("removing the worktree %s of a killed run", place.name)
                _remove(root, place)
            path.unlink(missing_ok=True)
        except Timeout:
            pass  # in use


def _remove(root: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    git("worktree", "prune", root=root)
