"""Examples are files that are there."""

from lcvd.app.relight.examples import examples_in, packaged


def test_packages_carry_a_portrait_and_a_clip():
    found = packaged()
    assert "astronaut.png" in [path.name for path in found["portrait"]]
    assert all(path.is_file() for paths in found.values() for path in paths)


def test_a_folder_is_sorted_into_pictures_and_clips(tmp_path):
    for name in ("b.png", "a.JPG", "c.mp4", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    found = examples_in(tmp_path)
    assert {role: [path.name for path in paths] for role, paths in found.items()} == {
        "portrait": ["a.JPG", "b.png"],
        "driving": ["c.mp4"],
    }
