"""Random generators derived from a seed and a purpose, so that results don't depend on order, rank or restarts."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lcvd.errors import UsageError


def seed_of(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, for example ``seed_of(0, "noise", 17)``."""
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose. Numbers are drawn on the CPU so that they don't depend on the device."""
    return torch.Generator().manual_seed(seed_of(seed, *purpose))


@contextmanager
def seeded_construction(seed: int, *purpose: str | int) -> Iterator[None]:
    """Seed torch's global generator, from which modules of other libraries draw their initial weights; restore it afterwards."""
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
