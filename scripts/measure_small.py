"""Measure the included small model for its card: ``python -m scripts.measure_small SHARDS``, with the shards of `make
demo`.

Writes ``metrics.json`` next to the model: metrics of the model at its own guidance and likeness, and of methods without a model,
on the demo's test clips. Prints the model's metrics at other settings.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from lcvd.config.profiles import profile
from lcvd.evaluate.stage import evaluate
from lcvd.model.hub import SMALL, find_model
from lcvd.model.parts import load_sampling

OTHER_SETTINGS = ((1.0, 1.0), (1.0, 1.5), (1.0, 3.0), (1.5, 2.0))
"""Other pairs of guidance and likeness."""
BASELINES = ("copy", "driving", "ratio", "truth")


def measure(shards: Path, **changes: float) -> dict[str, Any]:
    """Counts, and the metrics of the model and of `BASELINES`, with `changes` to section `evaluate`."""
    settings = profile("demo")
    section = settings.evaluate.model_copy(update=changes)
    with tempfile.TemporaryDirectory() as out:
        found = evaluate(find_model(SMALL), shards, Path(out), settings.model_copy(update={"evaluate": section}))
    others = {name: numbers for name, numbers in found["baselines"].items() if name in BASELINES}
    sampling = load_sampling(find_model(SMALL)).resolved(section.overrides)
    used = {"guidance": sampling.guidance, "likeness": sampling.likeness}
    return {**{key: found[key] for key in ("clips", "frames", "metrics")}, **used, "baselines": others}


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(prog="python -m scripts.measure_small", description=main.__doc__)
    parser.add_argument("shards", type=Path)
    shards = parser.parse_args().shards
    result = measure(shards)
    text = json.dumps(result, indent=1, sort_keys=True) + "\n"
    (find_model(SMALL) / "metrics.json").write_text(text, encoding="utf-8")
    print(text)
    for guidance, likeness in OTHER_SETTINGS:
        found = measure(shards, guidance=guidance, likeness=likeness)["metrics"]
        print(guidance, likeness, json.dumps(found, sort_keys=True), flush=True)


if __name__ == "__main__":
    main()
