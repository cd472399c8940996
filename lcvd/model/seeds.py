"""Random generators that are pure functions of what they are for: nothing depends on order, rank or restarts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lcvd.errors import UsageError


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


def generator_of(given: torch.Generator | int | None, *purpose: str | int) -> torch.Generator:
    """The generator of a call: `given` itself, or one seeded by it for `purpose`.

    Raises:
        UsageError: there is none, or it isn't on the CPU.
    """
    if given is None:
        raise UsageError("generator: expected a seed or a torch.Generator, got None: the result couldn't be repeated")
    if isinstance(given, int):
        return generator(given, *purpose)
    if given.device.type != "cpu":
        raise UsageError(f"generator: expected one on the CPU, so that all devices draw the same; got {given.device}")
    return given
