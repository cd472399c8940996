from pathlib import Path

import pytest
import yaml

from lcvd.config.io import SettingsError, dump_settings, load_settings
from lcvd.config.profiles import PROFILES, profile


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_profile_written_and_read_back_is_unchanged(name, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(dump_settings(profile(name)))
    assert load_settings(path) == profile(name)


def _with(tmp_path, change):
    data = profile("demo").model_dump(mode="json")
    change(data)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_a_misspelt_key_suggests_the_similar_one(tmp_path):
    def change(data):
        data["filter"]["thresholds"]["min_sharpnes"] = data["filter"]["thresholds"].pop("min_sharpness")

    with pytest.raises(
        SettingsError, match=r"unknown key 'filter.thresholds.min_sharpnes'; did you mean 'min_sharpness'"
    ):
        load_settings(_with(tmp_path, change))


def test_all_invalid_values_are_reported_together(tmp_path):
    def change(data):
        data["train"]["steps"] = "many"
        data["shard"]["size"] = 100

    with pytest.raises(SettingsError) as caught:
        load_settings(_with(tmp_path, change))
    assert "train.steps" in str(caught.value)
    assert "'many'" in str(caught.value)
    assert "shard.size" in str(caught.value)


def test_a_missing_file_or_section_names_the_remedy(tmp_path):
    with pytest.raises(SettingsError, match="lcvd config use demo"):
        load_settings(tmp_path / "absent.yaml")
    with pytest.raises(SettingsError, match="'evaluate' is missing"):
        load_settings(_with(tmp_path, lambda data: data.pop("evaluate")))


def test_params_yaml_of_the_project_is_the_profile_demo() -> None:
    """`lcvd config use` refuses to overwrite a file that differs from every profile."""
    path = Path(__file__).resolve().parents[3] / "params.yaml"
    assert path.read_text(encoding="utf-8") == dump_settings(profile("demo"))
