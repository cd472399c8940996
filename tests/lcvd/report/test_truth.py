import numpy as np
import pytest

from lcvd.face.codes import FaceCodes
from lcvd.ledger.rows import kept, write_ledger
from lcvd.reconstruct.archive import pack
from lcvd.report.truth import ERRORS, compare_with_truth
from lcvd.studio.media import make_clip
from lcvd.video.encode import read_lossless, write_lossless

FRAMES, START, SIZE = 8, 2, 96


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A studio clip, of which the frames from `START` on were reconstructed with a pose error of 3 degrees, and a
    filmed clip."""
    root = tmp_path_factory.mktemp("data")
    sha = {"filmed": "0" * 64, "studio": "1" * 64}
    make_clip(f"studio:hopper?frames={FRAMES}&size={SIZE}", root / "made")
    truth = root / "download" / "truth" / sha["studio"][:32]
    truth.parent.mkdir(parents=True)
    (root / "made" / "truth").rename(truth)
    plain = {"start": 0, "stop": FRAMES, "fps": 25.0, "width": SIZE, "height": SIZE, "crop": None, "licence": ""}
    rows = [kept(id, identity=id, media=f"{id}.mp4", sha256=sha[id], address=id, **plain) for id in sha]
    write_ledger(root / "download" / "ledger.parquet", rows)
    write_ledger(root / "filter" / "ledger.parquet", [kept(id, part=[START, FRAMES], identity=id) for id in sha])
    true = FaceCodes.load(truth / "codes.safetensors").window(range(START, FRAMES))
    turned = true.replace(pose=true.pose * (1 + np.radians(3) / np.linalg.norm(true.pose, axis=1, keepdims=True)))
    for id in sha:
        turned.save(root / "placed" / "codes" / f"{id}.safetensors", {})
        masks = read_lossless(truth / "mask.mkv", range(START, FRAMES))
        write_lossless(root / "placed" / "masks" / f"{id}.mkv", [masks], 25)
        (root / "placed" / "preview").mkdir(exist_ok=True)
        (root / "placed" / "preview" / f"{id}.png").touch()
    pack(root / "placed", root / "reconstruct", list(sha))
    write_ledger(root / "reconstruct" / "ledger.parquet", [kept(id) for id in sha])
    return root


def test_errors_compare_the_same_frames(data):
    found = compare_with_truth(data)
    [(id, frames, values)] = found.rows
    assert (id, frames) == ("studio", FRAMES - START)
    assert set(values) == {error.key for error in ERRORS}
    assert values["pose_deg"] == pytest.approx(3, abs=0.05)
    assert values["light_deg"] == pytest.approx(0, abs=0.1)
    assert values["mask_iou"] == 1
    assert found.total == values
    assert found.without == ["filmed"]


def test_nothing_to_compare(tmp_path):
    assert compare_with_truth(tmp_path) is None
