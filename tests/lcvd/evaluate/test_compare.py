from dataclasses import replace

import pytest

from lcvd.evaluate.compare import DifferentSetups, change, changes, differing
from lcvd.evaluate.record import Record, Setup

SETUP = Setup(clip_set="x", lights=("left",), size=128, fps=(25.0,), seed=0, made="published, 6 steps")
LE = Record("LE(open)", 1.0, 2, 62, "lower", SETUP, "net", "abc", (0.9, 1.1), versions={"torch": "2.12"})


def test_every_part_of_the_protocol_counts():
    others = {
        "clips": replace(LE, clips=3),
        "frames": replace(LE, frames=63),
        "sha256": replace(LE, sha256="abd"),
        **{
            field: replace(LE, setup=replace(SETUP, **{field: value}))
            for field, value in {
                "clip_set": "y",
                "lights": ("left", "right"),
                "size": 256,
                "fps": (25.0, 30.0),
                "seed": 1,
                "made": "fast, 6 steps",
                "sampling": "first 16",
            }.items()
        },
    }
    for field, other in others.items():
        [found] = differing(LE.plain(), other.plain())
        assert found.startswith(f"{field}: "), found
        with pytest.raises(DifferentSetups, match=rf"LE\(open\) was measured under different setups: {field}: "):
            change(LE.plain(), other.plain())


def test_a_change_is_clear_when_intervals_part_and_versions_are_told():
    near = replace(LE, value=1.05, interval=(0.95, 1.2), versions={"torch": "2.13", "numpy": "2"})
    found = change(LE.plain(), near.plain())
    assert (found.before, found.after, found.apart) == (1.0, 1.05, False)
    assert found.versions == ("numpy absent -> 2", "torch 2.12 -> 2.13")
    assert change(LE.plain(), replace(LE, value=2.0, interval=(1.2, 2.2)).plain()).apart
    assert not change(LE.plain(), replace(LE, value=2.0, interval=None).plain()).apart
    assert change(LE.plain(), replace(LE, value=float("nan"), interval=(1.0, float("nan"))).plain()).after is None


def test_all_that_differ_are_named_at_once():
    wider = replace(LE, setup=replace(SETUP, size=256))
    with pytest.raises(DifferentSetups, match=r"(?s)evaluate both alike.*LE: size: 128, 256.*ID: seed: 0, 1"):
        changes(
            [replace(LE, name="LE").plain(), replace(LE, name="ID").plain(), replace(LE, name="FD").plain()],
            [
                replace(wider, name="LE").plain(),
                replace(LE, name="ID", setup=replace(SETUP, seed=1)).plain(),
                replace(LE, name="other").plain(),
            ],
        )
    assert [each.name for each in changes([LE.plain()], [LE.plain(), replace(LE, name="ID").plain()])] == ["LE(open)"]
    with pytest.raises(ValueError, match="no metric in common"):
        changes([LE.plain()], [replace(LE, name="ID").plain()])
