"""Stage `download` renders a studio address and writes its ground truth next to it."""

import numpy as np

from lcvd.config.download import DownloadSettings
from lcvd.download.manifest.files import read_manifests
from lcvd.download.stage import download_chunk
from lcvd.face.codes import FaceCodes
from lcvd.studio.clip import StudioClip
from lcvd.studio.media import make_clip
from lcvd.video.decode import decode_bytes
from lcvd.video.encode import read_lossless

HEADER = "id,identity,address,start,end,crop,licence,dataset\n"


def test_a_studio_clip_is_written_with_its_ground_truth(tmp_path, cache) -> None:
    address = "studio:astronaut?seed=2&frames=18&size=96"
    (tmp_path / "studio.csv").write_text(
        f"{HEADER}good,astronaut,{address},,,,public domain,studio\nbad,x,studio:astronaut?sed=2,,,,public domain,studio\n"
    )
    rows = {
        row.id: row
        for row in download_chunk(
            read_manifests(tmp_path), tmp_path / "out", cache, DownloadSettings(), {"studio": make_clip}
        )
    }
    assert rows["bad"].reason == "bad_address"
    assert "'sed' isn't a field" in rows["bad"].detail
    name = rows["good"].fields["media"]
    truth = tmp_path / "out" / "truth" / name.partition(".")[0]
    clip = StudioClip.parse(address)
    frames, masks = (np.concatenate(parts) for parts in zip(*clip.render(), strict=True))
    stored = decode_bytes((tmp_path / "out" / "media" / name).read_bytes())
    assert np.abs(stored.astype(int) - frames).mean() < 1.5
    np.testing.assert_array_equal(read_lossless(truth / "mask.mkv"), masks)
    assert read_lossless(truth / "hint.mkv").shape == (18, 96, 96, 3)
    np.testing.assert_array_equal(FaceCodes.load(truth / "codes.safetensors").light, clip.truth().light)
