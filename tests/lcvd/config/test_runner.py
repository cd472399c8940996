import pytest
from pydantic import ValidationError

from lcvd.config.runner import RunnerSettings


def test_threads_share_no_gpu():
    with pytest.raises(ValidationError, match="runner.gpu_share needs workers that are processes"):
        RunnerSettings(kind="threads", gpu_share=0.5)
