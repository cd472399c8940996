import pytest
from pydantic import ValidationError

from lcvd.config.profiles import profile
from lcvd.config.settings import Settings


def test_contradicting_settings_are_rejected():
    data = profile("demo").model_dump()
    data["filter"]["track"]["max_frames"] = 4
    with pytest.raises(ValidationError, match="no clip could be kept"):
        Settings.model_validate(data)
