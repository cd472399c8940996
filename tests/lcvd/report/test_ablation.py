import csv
import io
import xml.etree.ElementTree as ElementTree

import pytest

from lcvd.evaluate.protocol import load_protocol
from lcvd.evaluate.record import Record, Setup
from lcvd.report.ablation import ablation_of, csv_text, svg_text, write_ablation
from tests.lcvd.report.conftest import results_of

SETUP = Setup("x", ("left",), 128, (25.0,), 0, "", "ablation")
LE, ID = "LE(open)", "ID(SFace)"


def measured(le, likeness, interval=None):
    values = ((LE, le, "lower"), (ID, likeness, "higher"))
    return [Record(name, value, 2, 32, which, SETUP, interval=interval).plain() for name, value, which in values]


@pytest.fixture
def guidance():
    protocol, _ = load_protocol("ablation-guidance")
    records = {
        "guidance-2": measured(1.0, 0.9),
        "guidance-8": measured(0.5, 0.6, (0.25, 0.75)),
        "guidance-4": measured(0.8, float("nan")),
        "driving": measured(2, 1),
    }
    return ablation_of(results_of(protocol, records))


def test_variants_are_drawn_at_their_guidance_without_missing_values(guidance):
    assert guidance.positions == (2, 4, 6, 8)
    assert guidance.is_scale
    assert list(guidance.measured) == [LE, ID]
    assert guidance.measured[LE] == {
        "guidance-2": (1.0, None),
        "guidance-8": (0.5, (0.25, 0.75)),
        "guidance-4": (0.8, None),
    }
    assert set(guidance.measured[ID]) == {"guidance-2", "guidance-8"}
    assert guidance.published["LE"]["guidance-6"] == (0.744, None)


def test_adapters_have_no_numerical_scale():
    protocol, _ = load_protocol("ablation-adapters")
    found = ablation_of(results_of(protocol, {"both": measured(0.5, 0.5), "shading": measured(0.4, 0.1)}))
    assert (found.positions, found.is_scale) == ((0, 1, 2), False)


def test_one_variant_or_another_protocol_is_not_an_ablation():
    protocol, _ = load_protocol("ablation-guidance")
    assert ablation_of(results_of(protocol, {"guidance-2": measured(1, 1), "dpr": measured(1, 1)})) is None
    assert ablation_of(results_of(load_protocol("smoke")[0], {"lcvd": measured(1, 1), "dpr": measured(1, 1)})) is None


def test_variants_are_drawn_at_their_likeness_if_it_varies():
    protocol, _ = load_protocol("ablation-likeness")
    found = ablation_of(results_of(protocol, {name: measured(1.0, 0.5) for name in protocol.variants}))
    assert found.positions == (1, 1.5, 2, 3)
    assert not found.published


def test_the_numbers_as_csv(guidance):
    rows = list(csv.DictReader(io.StringIO(csv_text(guidance))))
    assert {(row["metric"], row["variant"]): float(row["value"]) for row in rows if row["source"] == "measured"} == {
        (LE, "guidance-2"): 1.0, (LE, "guidance-8"): 0.5, (LE, "guidance-4"): 0.8, (ID, "guidance-2"): 0.9, (ID, "guidance-8"): 0.6,
    }  # fmt: skip
    assert sum(row["source"] == "published" for row in rows) == 12
    [row] = [row for row in rows if (row["metric"], row["variant"]) == (LE, "guidance-8")]
    assert (row["low"], row["high"], row["x"]) == ("0.25", "0.75", "8.0")


def test_the_plot_names_its_panels_and_is_reproducible(guidance, tmp_path):
    text = "".join(ElementTree.fromstring(svg_text(guidance)).itertext())
    for word in (LE, ID, "measured here", "published", "ω = 8", "Table 5: guidance"):
        assert word in text
    write_ablation(tmp_path / "a", guidance)
    write_ablation(tmp_path / "b", guidance)
    for name in ("ablation.svg", "ablation.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"ablation.svg", "ablation.csv"}
