"""Assign clips to training, validation and test by a hash of the identity, so that adding clips doesn't change the splits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from lcvd.errors import UsageError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Splits:
    """Splits of all clips. `of` has the splits of each clip id.

    `shared`: training and test show the same person, because there is only one. `same_clips`: they even have the same clip,
    because there is only one.
    """

    of: Mapping[str, tuple[str, ...]]
    shared: bool
    same_clips: bool

    def ids(self, split: str) -> list[str]:
        """Return the sorted ids of a split's clips."""
        return sorted(id for id, names in self.of.items() if split in names)


def place(identity: str) -> float:
    """Map an identity's name to a number in [0, 1) by its hash."""
    return int.from_bytes(hashlib.sha256(identity.encode("utf-8")).digest()[:8], "big") / 2**64


def split_clips(identities: Mapping[str, str], test_share: float, val_share: float) -> Splits:
    """Split clips by the identity of each clip id.

    An identity with a hash number (`place`) below `test_share` is in test, below ``test_share + val_share`` in validation,
    otherwise in training. If there are at least two identities, test gets the lowest and training the highest if they
    would be empty. The clips of a single identity are split the same way. A single clip is in both training and test.

    Raises:
        UsageError: there are no clips, or the shares leave nothing for training.
    """
    if not identities:
        raise UsageError("no clips to split: none was reconstructed; see the ledger for why")
    if test_share + val_share >= 1:
        raise UsageError(f"shard.test_share + shard.val_share must be below 1, not {test_share} + {val_share}")
    if len(identities) == 1:
        return Splits(dict.fromkeys(identities, ("train", "test")), True, True)
    shared = len(set(identities.values())) == 1
    groups = {id: id if shared else identities[id] for id in sorted(identities)}
    names = _assign(set(groups.values()), test_share, val_share)
    return Splits({id: (names[group],) for id, group in groups.items()}, shared, False)


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
