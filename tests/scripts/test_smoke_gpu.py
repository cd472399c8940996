"""The GPU smoke check, run without a GPU at its smallest size."""

from pathlib import Path

import pytest

from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from scripts.smoke_gpu import Smoke, main
from tests.flows.conftest import FIRST, HEADER, SECOND, TINY, merged


@pytest.mark.slow
def test_every_check_passes_with_two_processes_and_a_failure_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = merged(TINY, {"shard": {"prepare": True, "val_share": 0.0, "test_share": 0.5}, "runner": {"workers": 2}})
    settings = Settings.model_validate(merged(profile("demo").model_dump(mode="json"), changes))
    smoke = Smoke(tmp_path / "smoke", 0, settings, HEADER + FIRST + SECOND)
    assert smoke.run() == 0, capsys.readouterr().out
    lines = capsys.readouterr().out.splitlines()
    names = ["prepare", "train one", "resume one", "train several", "resume several", "evaluate"]
    assert [line[7:29].strip() for line in lines] == names
    smoke.check("broken", lambda: 1 / 0)
    assert capsys.readouterr().out.startswith("FAILED broken")
    assert smoke.failed == 1


def test_without_a_gpu_it_says_how_to_run_without_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--gpus", "99"])
    assert "--cpu runs the checks without a GPU" in capsys.readouterr().err
