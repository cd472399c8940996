"""Random generators that are pure functions of what they are for: nothing depends on order, rank or restarts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, such as ``seed_of(0, "noise", 17)``."""
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose; draws are made on the CPU so that they don't depend on the device."""
    return torch.Generator().manual_seed(seed_of(seed, *purpose))


@contextmanager
def seeded_construction(seed: int, *purpose: str | int) -> Iterator[None]:
    """Within, modules of other libraries, which draw their first weights from torch's global generator, are
    constructed from `seed`; the global generator is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, *purpose))
        yield
