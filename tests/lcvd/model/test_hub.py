"""Finding a model's folder; `test_hub_remote` downloads one."""

from pathlib import Path

import pytest

from lcvd.model.hub import INDEX, SMALL, find_model


def test_a_folder_that_happens_to_be_called_small_isnt_taken_for_the_small_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / SMALL).mkdir()
    monkeypatch.chdir(tmp_path)
    assert (find_model(SMALL) / INDEX).is_file()
    assert find_model("./small") == Path("small")
