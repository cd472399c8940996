"""Which clips are for training, validation and test: by a hash of the identity, so that a split survives new clips."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from lcvd.errors import UsageError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Splits:
    """`of` names the splits of each clip id.

    `shared`: training and test see the same person, because there is only one; `same_clips`: even the same clip,
    because there is only one of those too.
    """

    of: Mapping[str, tuple[str, ...]]
    shared: bool
    same_clips: bool

    def ids(self, split: str) -> list[str]:
        """Ids of a split's clips, sorted."""
        return sorted(id for id, names in self.of.items() if split in names)


def place(identity: str) -> float:
    """Where an identity lies in [0, 1): depends on its name alone."""
    return int.from_bytes(hashlib.sha256(identity.encode("utf-8")).digest()[:8], "big") / 2**64


def split_clips(identities: Mapping[str, str], test_share: float, val_share: float) -> Splits:
    """Splits of clips, given each id's identity.

    An identity whose place is below `test_share` is for test, below ``test_share + val_share`` for validation, else for
    training. Of two identities or more the lowest is for test if none is, the highest for training. With one identity
    its clips are divided the same way, and a single clip serves both.

    Raises:
        UsageError: no clips, or shares that leave nothing for training.
    """
    if not identities:
        raise UsageError("no clips to split: none was reconstructed; see the ledger for why")
    if test_share + val_share >= 1:
        raise UsageError(f"shard.test_share + shard.val_share must be below 1, not {test_share} + {val_share}")
    people = set(identities.values())
    if len(people) > 1:
        names = _assign(people, test_share, val_share)
        return Splits({id: (names[identity],) for id, identity in sorted(identities.items())}, False, False)
    if len(identities) > 1:
        names = _assign(set(identities), test_share, val_share)
        return Splits({id: (names[id],) for id in sorted(identities)}, True, False)
    return Splits(dict.fromkeys(identities, ("train", "test")), True, True)


def _assign(groups: set[str], test_share: float, val_share: float) -> dict[str, str]:
    order = sorted(groups, key=lambda group: (place(group), group))
    names = {
        group: "test" if place(group) < test_share else "val" if place(group) < test_share + val_share else "train"
        for group in order
    }
    if "test" not in names.values():
        names[order[0]] = "test"
    if "train" not in names.values():
        names[order[-1]] = "train"
    return names
