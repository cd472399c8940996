import re

import pytest

from lcvd.evaluate.protocol import load_protocol
from lcvd.evaluate.record import Record, Setup
from lcvd.report.tables import html, latex, markdown, table_of, write_tables
from tests.lcvd.report.conftest import results_of

SETUP = Setup("x", ("left",), 128, (25.0,), 0, "", "smoke: the first 16 frames")
LE, ID, ADJ = "LE(open)", "ID(SFace)", "ADJ(EfficientNet-lite0)"
DIRECTIONS = {LE: "lower", ID: "higher", ADJ: "reference"}


def measured(le, likeness, flicker, **changes):
    values = {LE: le, ID: likeness, ADJ: flicker}
    return [Record(name, value, 2, 32, DIRECTIONS[name], SETUP, **changes).plain() for name, value in values.items()]


@pytest.fixture
def table():
    protocol, _ = load_protocol("hdtf-relight")
    records = {
        "driving": measured(2.0, 1.0, 0.4),
        "lcvd": measured(0.5, 0.7, 0.1, interval=(0.25, 0.75), notes=("<N> is small",)),
        "dpr": measured(0.5, 0.9, 0.5, missing=3),
        "sh_ratio": measured(0.75, float("nan"), 0.35),
    }
    return table_of(results_of(protocol, records))


def cells(text, title):
    [row] = [row for row in text.splitlines() if row.startswith(f"| {title} ")]
    return [cell.strip() for cell in row.strip("|").split("|")[1:4]]


def test_best_is_bold_second_underlined_and_the_input_is_not_ranked(table):
    text = markdown(table)
    assert "| Method | LE(open) ↓ | ID(SFace) ↑ | ADJ(EfficientNet-lite0) → input | LE (paper) |" in text
    assert cells(text, "Input (unmodified)") == ["2.00", "1.00", "0.400"]
    assert cells(text, "LCVD (ours)") == ["**0.500**", "<u>0.700</u>", "0.100"]
    assert cells(text, "DPR") == ["**0.500**", "**0.900**", "<u>0.500</u>"]
    assert cells(text, "sh_ratio") == ["<u>0.750</u>", "–", "**0.350**"]


def test_methods_without_results_and_published_numbers_have_their_own_rows(table):
    text = markdown(table)
    assert cells(text, "SMFR (not computed)") == ["–", "–", "–"]
    assert cells(text, "LCVD (ours), published") == ["–", "–", "–"]
    assert "| 0.738 | 0.585 | 0.0282 | 3.034 | 0.775 | 37.46 | 273.3 |" in text
    assert "LE(open): 3 frames could not be measured. (DPR)" in text
    assert "&lt;N> is small" in text


def test_latex_has_one_cell_per_column_and_is_escaped(table):
    text = latex(table)
    rows = [row for row in text.splitlines() if row.endswith(r"\\")]
    assert {row.count("&") for row in rows} == {len(table.columns)}
    assert r"\textbf{0.500}" in text
    assert r"\underline{0.700}" in text
    assert r"sh\_ratio" in text
    assert not re.search(r"(?<!\\)_", "".join(rows))
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_html_shows_intervals_and_loads_nothing(table, tmp_path):
    text = html(table)
    assert '<span class="best">0.500</span><small>95 %: 0.250 to 0.750</small>' in text
    assert "&lt;N&gt; is small" in text
    assert not re.search(r"<script|src=|href=|url\(", text)
    write_tables(tmp_path, table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.html", "table.md", "table.tex"]


def test_a_single_method_is_not_ranked():
    protocol, _ = load_protocol("smoke")
    text = markdown(
        table_of(results_of(protocol, {"driving": measured(2.0, 1.0, 0.4), "lcvd": measured(0.5, 0.7, 0.1)}))
    )
    assert "**" not in text


def test_refused_methods_have_their_reason_and_caveats_are_listed():
    protocol, _ = load_protocol("hdtf-animate")
    records = {"driving": measured(2.0, 1.0, 0.4), "lcvd": measured(0.5, 0.7, 0.1)}
    full = results_of(protocol, records, caveats=["it is a small model"])
    full["methods"]["dpr"] = {"title": "dpr", "refused": "can't animate"}
    table = table_of(full)
    text = markdown(table)
    assert cells(text, "dpr (can't animate)") == ["–", "–", "–"]
    assert "* it is a small model" in text
    assert "can&#39;t animate" in html(table)


def test_markdown_has_the_intervals_on_request(table):
    assert cells(markdown(table, intervals=True), "LCVD (ours)")[0] == "**0.500** [0.250 to 0.750]"


def test_baselines_are_not_ranked():
    records = {"driving": measured(2.0, 1.0, 0.4), "lcvd": measured(0.5, 0.7, 0.1), "dpr": measured(0.6, 0.6, 0.3)}
    full = results_of(load_protocol("smoke")[0], records | {"copy": measured(0.1, 0.9, 0.4)})
    full["methods"]["copy"]["ranked"] = False
    text = markdown(table_of(full))
    assert cells(text, "LCVD (ours)") == ["**0.500**", "**0.700**", "<u>0.100</u>"]
    assert cells(text, "copy") == ["0.100", "0.900", "0.400"]
