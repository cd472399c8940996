from lcvd.config.download import DownloadSettings
from lcvd.download.manifest.files import read_manifests, write_manifest
from lcvd.download.manifest.folder import manifest_rows, scan_folder
from lcvd.download.stage import download_chunk
from tests.bad_server import BODY


def test_a_folder_of_clips_becomes_a_manifest_without_its_path(tmp_path, cache, monkeypatch):
    folder = tmp_path / "some where"
    (folder / "sub").mkdir(parents=True)
    (folder / "my clip.mp4").write_bytes(BODY)
    (folder / "sub" / "my clip.mp4").write_text("text")
    (folder / "sub-my-clip.txt").write_text("text")
    (folder / ".hidden").write_text("")
    entries = scan_folder(folder)
    assert [entry.id for entry in entries] == ["my-clip", "sub-my-clip", "sub-my-clip-2"]
    assert scan_folder(folder, {"my-clip"})[0].id == "my-clip-2"
    manifests = tmp_path / "manifests"
    write_manifest(manifests / "local.csv", manifest_rows(entries, {"my-clip": "ann"}))
    assert str(tmp_path) not in (manifests / "local.csv").read_text()
    sources = read_manifests(manifests)
    monkeypatch.delenv("LCVD_CLIPS", raising=False)
    assert download_chunk(sources[:1], tmp_path / "out", cache, DownloadSettings())[0].reason == "missing_folder"
    monkeypatch.setenv("LCVD_CLIPS", str(folder))
    rows = download_chunk(sources, tmp_path / "out", cache, DownloadSettings())
    assert [row.reason or row.status for row in rows] == ["kept", "not_a_video", "not_a_video"]
    assert rows[0].fields["identity"] == "ann"
    (folder / "my clip.mp4").write_bytes(BODY[:-1])
    assert (
        download_chunk(sources[:1], tmp_path / "out", type(cache)(tmp_path / "fresh"), DownloadSettings())[0].reason
        == "changed"
    )
