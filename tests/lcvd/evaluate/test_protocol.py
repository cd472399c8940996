import pytest
import yaml

from lcvd.config.evaluate import PUBLISHED_METRICS
from lcvd.evaluate.protocol import Protocol, load_protocol, protocols
from lcvd.light.presets import PRESETS
from lcvd.metrics.registry import METRICS, open_metrics


@pytest.mark.parametrize("name", protocols())
def test_every_protocol_asks_for_what_there_is(name):
    protocol, path = load_protocol(name)
    assert (protocol.name, path.stem) == (name, name)
    assert set(protocol.metrics) <= set(open_metrics())
    assert set(protocol.lights) <= set(PRESETS)
    assert all(PUBLISHED_METRICS.check(metric) and METRICS.check(metric) for metric in protocol.published_metrics)


def test_there_is_a_protocol_for_each_table_and_the_rows_it_has():
    assert set(protocols()) >= {
        "hdtf-relight",
        "ffhq-relight",
        "hdtf-animate",
        "ablation-adapters",
        "ablation-guidance",
        "ablation-likeness",
    }
    assert set(protocols()) >= {"smoke"}
    rows = {row for name in protocols() for row in load_protocol(name)[0].methods}
    assert rows >= {"lcvd", "dpr", "smfr", "nfl", "styleflow", "difareli", "dagan", "styleheat", "animateanyone"}


@pytest.mark.parametrize("name", protocols())
def test_defaults_are_all_that_comes_along_and_needs_no_file_of_others(name):
    protocol, _ = load_protocol(name)
    assert protocol.defaults == (*protocol.variants, *(row for row in protocol.methods if row in ("lcvd", "sh-ratio")))
    assert protocol.defaults


def _written(path, **changes):
    path.write_text(yaml.safe_dump(yaml.safe_load(protocols()["smoke"].read_text()) | changes))
    return path


def test_a_copy_with_other_clips_is_a_protocol(tmp_path):
    protocol, path = load_protocol(str(_written(tmp_path / "mine.yaml", clips=["a"], lights=["top"])))
    assert (protocol.clips, protocol.lights, path.name) == (("a",), ("top",), "mine.yaml")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"light": ["top"]}, "light: Extra inputs"),
        ({"frames": 1}, "frames: .*greater than or equal to 2"),
        ({"lights": []}, "task relight needs at least one"),
        ({"task": "animate"}, "in task animate the light is the portrait's"),
        ({"lights": ["a/x.png", "b/x.jpg"]}, "two have the same name"),
        ({"published": {"nobody": {"LE": 1.0}}}, "nobody is neither"),
        ({"defaults": ["lcvd", "mine"]}, "defaults: mine is neither"),
    ],
)
def test_what_doesnt_fit_is_named(tmp_path, changes, said):
    path = _written(tmp_path / "mine.yaml", **changes)
    with pytest.raises(ValueError, match=said) as error:
        load_protocol(str(path))
    assert "mine.yaml" in str(error.value)


def test_an_unknown_protocol_names_those_there_are():
    with pytest.raises(ValueError, match="hdtf-relight.*and no file"):
        load_protocol("table-9")


def test_protocols_are_checked_on_construction():
    with pytest.raises(ValueError, match="metrics"):
        Protocol(name="x", title="x", task="relight", lights=("top",))
