"""A protocol's table as Markdown, LaTeX and HTML, from its records. The best value is bold and the second best
underlined, as in the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lcvd.cache.atomic import write_text_whole
from lcvd.evaluate.caveats import INPUT
from lcvd.evaluate.protocol import Manifest
from lcvd.evaluate.write import ARROWS
from lcvd.metrics.registry import METRICS, ordered
from lcvd.report.collect import number
from lcvd.report.media import image_uri
from lcvd.report.opinions import merge_study, study_note

MARKS: dict[str, dict[str, tuple[str, str]]] = {
    "markdown": {"best": ("**", "**"), "second": ("<u>", "</u>")},
    "latex": {"best": (r"\textbf{", "}"), "second": (r"\underline{", "}")},
}
_LATEX = {"%": r"\%", "_": r"\_", "&": r"\&", "#": r"\#", "ω": r"$\omega$", "↓": r"$\downarrow$", "↑": r"$\uparrow$",
          "→": r"$\rightarrow$", "–": "--", "$": r"\$", "{": r"\{", "}": r"\}", "\\": r"\textbackslash{}"}  # fmt: skip

GRID_WIDTH = 1600
"""Maximum width in pixels of an embedded image."""


@dataclass(frozen=True)
class Cell:
    """A formatted number: `mark` is ``best``, ``second`` or empty; `detail` is its interval, number of frames and
    number of missing frames."""

    text: str
    mark: str = ""
    detail: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row of the table: `kind` is ``input``, ``computed``, ``absent`` or ``published``; `reason` says why there are
    no numbers."""

    title: str
    kind: str
    cells: dict[str, Cell] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Table:
    """A table: `directions` is the better direction of each measured column, `notes` are its caveats."""

    title: str
    columns: tuple[str, ...]
    directions: dict[str, str]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]
    summary: str


def table_of(manifest: Manifest, full: Mapping[str, Any]) -> Table:
    """The table of a protocol's results.

    `full` contains `arms` of records (`Record.plain`) and optionally `refused` methods, `remarks`, and the opinions of
    a user `study` (`lcvd.report.opinions`). Methods of the manifest without records are listed as not computed, refused
    ones with their reason. The paper's numbers have separate columns and rows: they were measured on other clips and
    are not ranked against results from here.
    """
    refused, study = full.get("refused", {}), full.get("study")
    found = {arm: {each["name"]: each for each in records} for arm, records in full["arms"].items()}
    first = next((each for records in found.values() for each in records.values()), None)
    found = merge_study(found, study) if study else found
    measured = ordered(name for each in found.values() for name in each)
    paper_metrics = list(dict.fromkeys(name for each in manifest.published.values() for name in each))
    titles = {**manifest.methods, **{name: each.title for name, each in manifest.variants.items()}}
    titles |= {arm: arm for arm in (*found, *refused) if arm not in titles and arm != INPUT}
    marks = {name: _rank_marks(name, found) for name in measured}
    rows = [TableRow("Input (unmodified)", "input", _cells(found[INPUT], {}))] if INPUT in found else []
    for name, title in titles.items():
        if name in found:
            cells = _cells(found[name], {metric: marks[metric].get(name, "") for metric in measured})
            rows.append(TableRow(title, "computed", cells))
        else:
            rows.append(TableRow(title, "absent", {}, refused.get(name, "not computed")))
    for name, values in manifest.published.items():
        cells = {_paper_column(metric): Cell(f"{value:g}") for metric, value in values.items()}
        rows.append(TableRow(f"{titles[name]}, published", "published", cells))
    columns = (*measured, *(_paper_column(name) for name in paper_metrics))
    directions = {name: ARROWS[METRICS.get(name).direction].replace("driving", "input") for name in measured}
    summary = _summary(first) if first else "Nothing was measured."
    return Table(
        manifest.title,
        columns,
        directions,
        tuple(rows),
        _notes(manifest, (*full.get("remarks", ()), *([study_note(study)] if study else [])), titles, found),
        summary,
    )


def markdown(table: Table) -> str:
    """The table as Markdown."""
    headings = [f"{name} {table.directions.get(name, '')}".strip() for name in table.columns]
    lines = [f"# {table.title}", "", table.summary, "", "| Method | " + " | ".join(headings) + " |"]
    lines.append("|---|" + "---:|" * len(headings))
    for row in table.rows:
        cells = [_formatted(row, name, "markdown", _escape_markdown) for name in table.columns]
        lines.append(f"| {_escape_markdown(_title(row))} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"* {_escape_markdown(note)}" for note in table.notes)]) + "\n"


def latex(table: Table) -> str:
    """The table as a LaTeX ``tabular`` (package booktabs)."""
    headings = [_escape_latex(f"{name} {table.directions.get(name, '')}".strip()) for name in table.columns]
    lines = [f"% {table.title}. {table.summary}", r"\begin{tabular}{l" + "r" * len(headings) + "}", r"\toprule"]
    lines += ["Method & " + " & ".join(headings) + r" \\", r"\midrule"]
    for row in table.rows:
        cells = [_formatted(row, name, "latex", _escape_latex) for name in table.columns]
        lines.append(f"{_escape_latex(_title(row))} & " + " & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([*lines, *(f"% {note}" for note in table.notes)]) + "\n"


def html(table: Table, image: str = "") -> str:
    """The table as a self-contained HTML page. Names come from users' files and are escaped. `image` is the data URI of
    the comparison image, if there is one."""
    environment = Environment(
        loader=PackageLoader("lcvd.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    meanings = {name: METRICS.get(name).meaning for name in table.directions}
    return environment.get_template("table.html").render(table=table, meanings=meanings, empty=Cell("–"), image=image)


def write_tables(folder: Path, table: Table, grid: Path | None = None) -> None:
    """Write ``table.md``, ``table.tex`` and ``table.html`` to `folder`; the last with the image `grid` embedded."""
    page = html(table, image_uri(grid, GRID_WIDTH) if grid else "")
    for ending, text in (("md", markdown(table)), ("tex", latex(table)), ("html", page)):
        write_text_whole(folder / f"table.{ending}", text)


def _cells(records: Mapping[str, Mapping[str, Any]], marks: Mapping[str, str]) -> dict[str, Cell]:
    return {name: Cell(number(each["value"]), marks.get(name, ""), _detail(each)) for name, each in records.items()}


def _detail(record: Mapping[str, Any]) -> str:
    parts = [
        f"{record['ratings']} ratings"
        if "ratings" in record
        else f"{record['frames']} frames of {record['clips']} clips"
    ]
    if record["interval"]:
        parts.insert(0, "95 %: " + " to ".join(number(edge) for edge in record["interval"]))
    if record.get("samples"):
        parts.append("N = {} real, {} generated".format(*record["samples"]))
    if record["missing"]:
        parts.append(f"{record['missing']} frames missing")
    return "; ".join(parts)


def _rank_marks(name: str, found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, str]:
    """Mark the best and second-best method; equal numbers share a mark, a single method has none."""
    values = {arm: each[name]["value"] for arm, each in found.items() if arm != INPUT and name in each}
    known = {arm: value for arm, value in values.items() if value is not None}
    direction = METRICS.get(name).direction
    real = found.get(INPUT, {}).get(name, {}).get("value")
    if len(known) < 2 or (direction == "reference" and real is None):
        return {}

    def cost(value: float) -> float:
        if direction == "reference":
            return abs(value - (real or 0.0))
        return -value if direction == "higher" else value

    ranks = sorted({cost(value) for value in known.values()})
    best = dict(zip(ranks, ("best", "second"), strict=False))
    return {arm: best.get(cost(value), "") for arm, value in known.items()}


def _notes(
    manifest: Manifest,
    remarks: Sequence[str],
    titles: Mapping[str, str],
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> tuple[str, ...]:
    notes = [*([manifest.note] if manifest.note else []), *remarks]
    methods_by_note: dict[str, list[str]] = {}
    for arm, records in found.items():
        for name, each in records.items():
            missing = [f"{each['missing']} frames could not be measured"] if each["missing"] else []
            for note in (*each["notes"], *missing):
                methods_by_note.setdefault(f"{name}: {note}.", []).append(titles.get(arm, "Input"))
    notes += [f"{note} ({', '.join(arms)})" for note, arms in methods_by_note.items()]
    if manifest.published:
        notes.append("Published rows are the paper's own numbers on unknown clips; they are not ranked.")
    return tuple(notes)


def _summary(record: Mapping[str, Any]) -> str:
    protocol = record["protocol"]
    lights = ", ".join(protocol["lights"])
    return f"{record['clips']} clips, light {lights}; {protocol['sampling']}, {protocol['size']} px; seed {protocol['seed']}."


def _paper_column(name: str) -> str:
    return f"{name} (paper)"


def _title(row: TableRow) -> str:
    return f"{row.title} ({row.reason})" if row.reason else row.title


def _formatted(row: TableRow, column: str, form: str, escape: Callable[[str], str]) -> str:
    cell = row.cells.get(column, Cell("–"))
    before, after = MARKS[form].get(cell.mark, ("", ""))
    return f"{before}{escape(cell.text)}{after}"


def _escape_markdown(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
