"""Fixture: small outputs of all six stages."""

import json

import numpy as np
import pytest
from PIL import Image

from lcvd.evaluate.record import Record, Setup
from lcvd.evaluate.records_file import write_records
from lcvd.ledger.rows import failed, filtered, kept, write_ledger
from lcvd.metrics.registry import METRICS
from lcvd.video.encode import write_browser

FRAMES = 40
HOSTILE = '<script>alert("x")</script>&"\'><img src=http://evil.example/x onerror=alert(1)>'


def results_of(protocol, records, **more):
    """The content of a records.json: records of each method, under a protocol of the project."""
    titles = {"driving": "Input (unmodified)", **protocol.titles}
    methods = {
        name: {
            "title": titles.get(name, name),
            "meaning": "",
            "ranked": name != "driving",
            "facts": {},
            "records": found,
        }
        for name, found in records.items()
    }
    full = {
        "protocol": protocol.model_dump(mode="json"),
        "inputs": [{}, {}],
        "methods": methods,
        "caveats": [],
        "run": {},
    }
    return full | more


def _record(name, value, **more):
    metric = METRICS.get(name)
    setup = Setup(clip_set="x", lights=("left",), size=32, fps=(25.0,), seed=0)
    return Record(name, value, 1, 10, metric.direction, setup, metric.weights, metric.sha256, **more).plain()


def _records(lights, identity):
    names = list(METRICS)
    ours = [_record(name, 0.5, interval=(0.4, 0.6), notes=(HOSTILE,)) for name in names[:-1]]
    ours.append(_record(names[-1], float("nan"), missing=7))
    facts = {"parameters": 5_000_000, "size": 32, "window": 8, "recipe": "published", "steps": 25, "guidance": 1.5,
             "likeness": 1.0, "codec": f"a codec {HOSTILE}"}  # fmt: skip
    return {
        "protocol": {"size": 32, "frames": FRAMES, "lights": lights},
        "inputs": [{"id": "a", "identity": identity, "frames": FRAMES, "fps": 25.0, "truth": True, "licence": HOSTILE}],
        "methods": {
            name: {
                "title": title,
                "meaning": "a method",
                "facts": facts,
                "records": records,
                "lights": {light: dict.fromkeys(names[:3], value) for light in lights},
            }
            for name, title, records, value in (
                ("lcvd", "Model", ours, 0.5),
                ("driving", "Input (unmodified)", [_record(name, 0.3) for name in names], 0.3),
            )
        },
        "run": {
            "profile": "demo",
            "seed": 0,
            "train_steps": 1500,
            "quality": {"metric": "piqe", "limit": 95.0, "higher_is_better": False, "top": 100},
            "shared_identities": [identity],
            "shared_clips": ["a"],
        },
    }


def _figures(folder):
    columns = ["Reference", "Driving", "Target light", "Hint", "Result", "Truth"]
    folder.mkdir(parents=True)
    Image.new("RGB", (32, 32), (200, 90, 40)).save(folder / "tile.png")
    cells = [{"file": "../figures/tile.png", "note": "12.3 dB"}] * len(columns)
    rows = [{"label": light, "cells": cells} for light in ("left", HOSTILE)]
    figure = {"name": "lights", "title": "Lights", "caption": HOSTILE, "columns": columns, "rows": rows}
    text = json.dumps({"clip": HOSTILE, "frame": 3, "figures": [figure]})
    (folder / "figures.json").write_text(text)


@pytest.fixture
def data(tmp_path):
    """Small outputs of all six stages, with a hostile name wherever users can choose one."""
    root = tmp_path / "data"
    write_ledger(root / "download" / "ledger.parquet", [kept("a"), kept("b"), failed("c", "http_404", HOSTILE)])
    write_ledger(
        root / "filter" / "ledger.parquet",
        [kept("a", 30.0, quality=30.0), filtered("b", "small_face", f"60 px {HOSTILE}", 60.0, quality=50.0)],
    )
    (root / "reconstruct" / "preview").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (900, 1600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(root / "reconstruct" / "preview" / "a.png")
    curves = root / "train" / "dvclive" / "plots" / "metrics" / "train"
    curves.mkdir(parents=True)
    (curves / "loss.tsv").write_text("step\tloss\n10\t2.5\n20\t1.5\n30\t1.0\n")
    (curves / "lr.tsv").write_text("step\tlr\n10\t0.1\n")
    (root / "train" / "metrics.json").write_text(
        json.dumps({"steps": 1500, "validation": {"v_mse": 0.25, "split": HOSTILE}})
    )
    for light in ("left", "top"):
        frames = np.broadcast_to(np.arange(FRAMES, dtype=np.uint8)[:, None, None, None] * 2, (FRAMES, 32, 128, 3))
        write_browser(root / "evaluate" / "videos" / f"a_{light}_side.mp4", [frames], 25)
    _figures(root / "evaluate" / "figures")
    write_records(root / "evaluate" / "records.json", _records(["left", "top"], HOSTILE))
    return root
