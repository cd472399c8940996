import json

import numpy as np
from PIL import Image

from lcvd.ledger.rows import filtered, kept


def test_tables_and_images_arrive_at_the_server(prefect_api, tmp_path):
    from prefect import flow
    from prefect.artifacts import Artifact

    from tasks.runtime.artifacts import show_images, show_json, show_ledger, show_text

    Image.fromarray(np.full((40, 2000, 3), 200, np.uint8)).save(tmp_path / "sheet.png")
    (tmp_path / "numbers.json").write_text(json.dumps({"loss": {"train": 0.5}, "list": [1], "steps": 2}))
    (tmp_path / "table.md").write_text("| a |")

    @flow
    def show() -> None:
        show_ledger("filter", [kept("a"), filtered("b", "blurry", "sharpness 3 < 5", 3.0)])
        show_ledger("all-kept", [kept("a")])  # a name that no test before this one on the same server used
        show_images("sheets", [tmp_path / "sheet.png"])
        show_images("none", [])
        show_json("numbers", tmp_path / "numbers.json")
        show_text("table", tmp_path / "table.md")

    show()
    data = {key: Artifact.get(key) for key in ("filter-counts", "filter-left-out", "sheets", "numbers", "table")}
    assert "| filtered:blurry | 1 |" in data["filter-counts"].data
    [row] = json.loads(data["filter-left-out"].data)
    assert row == {"clip": "b", "status": "filtered", "reason": "blurry", "score": 3.0, "detail": "sharpness 3 < 5"}
    assert "data:image/jpeg;base64," in data["sheets"].data
    assert json.loads(data["numbers"].data) == [{"name": "loss.train", "value": 0.5}, {"name": "steps", "value": 2}]
    assert data["table"].data == "| a |"
    assert Artifact.get("none") is None
    assert Artifact.get("all-kept-left-out") is None
