"""How many of a range of commits would have voided each scratch cache: ``python -m scripts.replay_cache_keys [END] [--commits N]``.

Computes the code's part of six cache keys (`lcvd.cache.imports.code_key`) for every commit from its git objects, and beside it
the earlier rule, which hashed every file of the folders that a module uses. A commit voids a cache if its key differs
from the commit's before.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import subprocess

from lcvd.cache.imports import closure, code_key, module_path
from lcvd.cache.source import Source, parse

ENTRIES: dict[str, tuple[str, ...]] = {
    "tracks": ("lcvd.face.track",),
    "filter": ("lcvd.filter.measure", "lcvd.quality.analyse"),
    "reconstruct": ("lcvd.reconstruct.stage", "lcvd.shading.stage"),
    "shard": ("lcvd.shard.stage", "lcvd.shards.stage"),
    "latents": ("lcvd.model.precompute_latents", "lcvd.model.prepare"),
    "training": ("lcvd.train.run", "lcvd.training.run"),
}
"""The module whose key each cache uses; the first that a commit has."""


def git(*arguments: str) -> str:
    """What a git command prints."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


@functools.cache
def parsed(blob: str) -> Source:
    """What a Python file contributes, by git's hash of it; a file stays the same over many commits."""
    return parse(git("cat-file", "blob", blob))


class CommitTree:
    """The files of a commit."""

    def __init__(self, commit: str) -> None:
        """Read the commit's list of files."""
        lines = git("ls-tree", "-r", commit, "lcvd", "tasks", "flows").splitlines()
        self.blobs = {path: meta.split()[2] for meta, path in (line.split("\t") for line in lines)}

    def has(self, path: str) -> bool:
        """See `lcvd.cache.imports.Tree`."""
        return path in self.blobs

    def digest(self, path: str) -> str:
        """See `lcvd.cache.imports.Tree`."""
        return self.blobs[path]

    def source(self, path: str) -> Source:
        """See `lcvd.cache.imports.Tree`."""
        return parsed(self.blobs[path])

    def below(self, folder: str) -> list[str]:
        """See `lcvd.cache.imports.Tree`."""
        return sorted(path for path in self.blobs if path == folder or path.startswith(f"{folder}/"))


def folders_key(module: str, tree: CommitTree) -> str:
    """The earlier rule: every byte of every folder below ``lcvd/`` that `module` uses."""
    folders = {"/".join(name.split(".")[:2]) for name in closure(module, tree) if name.count(".") > 1}
    files = [f"{path}\0{tree.digest(path)}" for folder in sorted(folders) for path in tree.below(folder)]
    return hashlib.sha256("\n".join(files).encode()).hexdigest()


def voided(commits: list[str]) -> dict[str, tuple[int, int]]:
    """For each cache the number of `commits` (oldest first; the first is only compared with) that change its key, and how
    many the earlier rule would have counted."""
    counts = dict.fromkeys(ENTRIES, (0, 0))
    before: dict[str, tuple[str, str]] = {}
    for commit in commits:
        tree = CommitTree(commit)
        for cache, modules in ENTRIES.items():
            module = next((each for each in modules if module_path(each, tree)), None)
            if module is None:
                continue
            # The latents' key holds the fingerprints of the networks that make them.
            now = code_key(module, tree, assets=cache != "latents"), folders_key(module, tree)
            new, old = counts[cache]
            if cache in before:
                counts[cache] = new + (now[0] != before[cache][0]), old + (now[1] != before[cache][1])
            before[cache] = now
    return counts


def main() -> None:
    """Print one line a cache."""
    parser = argparse.ArgumentParser(prog="python -m scripts.replay_cache_keys", description=main.__doc__)
    parser.add_argument("end", nargs="?", default="HEAD", help="last commit")
    parser.add_argument("--commits", type=int, default=150, help="how many commits are replayed")
    options = parser.parse_args()
    history = git("rev-list", "--first-parent", "--reverse", f"--max-count={options.commits + 1}", options.end).split()
    print(f"{'cache':<12} {'voided':>6} {'by folders':>10}   of {len(history) - 1} commits up to {options.end}")
    for cache, (new, old) in voided(history).items():
        print(f"{cache:<12} {new:>6} {old:>10}")


if __name__ == "__main__":
    main()
