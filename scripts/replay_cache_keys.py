"""Count the commits that invalidate each scratch cache: ``python -m scripts.replay_cache_keys [END] [--commits N]``.

Computes the code's part of six cache keys (`lcvd.cache.imports.code_key`) for every commit from its git objects, by the current
rule and by the earlier one, which hashed every file of the folders that a module uses. A commit invalidates a cache if its key
differs from its parent's. Merge commits are excluded.
"""

import argparse
import functools
import hashlib
import subprocess

from lcvd.cache.imports import Tree, closure, code_key, module_path
from lcvd.cache.source import Source, parse

ENTRIES: dict[str, tuple[str, ...]] = {
    "tracks": ("lcvd.face.track",),
    "filter": ("lcvd.filter.measure", "lcvd.quality.analyse"),
    "reconstruct": ("lcvd.reconstruct.stage", "lcvd.shading.stage"),
    "shard": ("lcvd.shard.stage", "lcvd.shards.stage"),
    "latents": ("lcvd.model.precompute_latents", "lcvd.model.prepare"),
    "training": ("lcvd.train.run", "lcvd.train.stage", "lcvd.training.run", "lcvd.training.stage"),
}
"""Modules of each cache's key, in every layout that the project had. Modules that a commit doesn't have are ignored."""


def git(*arguments: str) -> str:
    """Output of a git command."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


@functools.cache
def parsed(blob: str) -> Source:
    """The parsed Python file with this git hash; a file stays the same over many commits."""
    return parse(git("cat-file", "blob", blob))


class CommitTree(Tree):
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


def folders_key(modules: list[str], tree: CommitTree) -> str:
    """The earlier rule: hash of all files in the folders below ``lcvd/`` that `modules` use."""
    used = {name for module in modules for name in closure(module, tree) if name.count(".") > 1}
    folders = {"/".join(name.split(".")[:2]) for name in used}
    files = [f"{path}\0{tree.digest(path)}" for folder in sorted(folders) for path in tree.below(folder)]
    return hashlib.sha256("\n".join(files).encode()).hexdigest()


@functools.cache
def keys(commit: str) -> dict[str, tuple[str, str]]:
    """The code's part of each cache's key in a commit, by the current rule and by the earlier one."""
    tree = CommitTree(commit)
    found = {}
    for cache, names in ENTRIES.items():
        modules = [name for name in names if module_path(name, tree)]
        # The key of the latents contains the networks' weights and configuration, so their assets are excluded.
        found[cache] = code_key(*modules, tree=tree, assets=cache != "latents"), folders_key(modules, tree)
    return found


def main() -> None:
    """Print one line per cache."""
    parser = argparse.ArgumentParser(prog="python -m scripts.replay_cache_keys", description=main.__doc__)
    parser.add_argument("end", nargs="?", default="HEAD", help="last commit")
    parser.add_argument("--commits", type=int, default=150, help="number of commits")
    options = parser.parse_args()
    commits = git("rev-list", "--no-merges", f"--max-count={options.commits}", options.end).split()
    pairs = [(keys(commit), keys(git("rev-parse", f"{commit}^").strip())) for commit in commits]
    print(f"{'cache':<12} {'voided':>6} {'by folders':>10}   of {len(commits)} commits up to {options.end}")
    for cache in ENTRIES:
        new, old = (sum(after[cache][rule] != before[cache][rule] for after, before in pairs) for rule in (0, 1))
        print(f"{cache:<12} {new:>6} {old:>10}")


if __name__ == "__main__":
    main()
