"""A protocol's table in Markdown, LaTeX and HTML, from its records: best bold, second underlined, as in the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lcvd.evaluate.caveats import INPUT
from lcvd.evaluate.protocol import Manifest
from lcvd.evaluate.write import ARROWS
from lcvd.metrics.registry import metric_of, ordered
from lcvd.report.collect import number
from lcvd.report.media import picture_uri
from lcvd.report.opinions import merged, note_of

MARKS: dict[str, dict[str, tuple[str, str]]] = {
    "markdown": {"best": ("**", "**"), "second": ("<u>", "</u>")},
    "latex": {"best": (r"\textbf{", "}"), "second": (r"\underline{", "}")},
}
_LATEX = {"%": r"\%", "_": r"\_", "&": r"\&", "#": r"\#", "ω": r"$\omega$", "↓": r"$\downarrow$", "↑": r"$\uparrow$",
          "→": r"$\rightarrow$", "–": "--", "$": r"\$", "{": r"\{", "}": r"\}", "\\": r"\textbackslash{}"}  # fmt: skip

GRID_WIDTH = 1600
"""Pixels to which an embedded picture is shrunk."""


@dataclass(frozen=True)
class Cell:
    """A number as shown: `mark` is ``best``, ``second`` or ''; `more` says its interval, frames and missing ones."""

    text: str
    mark: str = ""
    more: str = ""


@dataclass(frozen=True)
class Line:
    """A row: `kind` is ``input``, ``computed``, ``absent`` or ``published``; `why` it has no numbers."""

    title: str
    kind: str
    cells: dict[str, Cell] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Table:
    """Rows over columns; `directions` says which way each measured column is better, `notes` what limits its numbers."""

    title: str
    columns: tuple[str, ...]
    directions: dict[str, str]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    made: str


def table_of(manifest: Manifest, full: Mapping[str, Any]) -> Table:
    """The table of what a protocol gave: `arms` of records (`Record.plain`), and where there are any, `refused` methods,
    `remarks`, and a `study` of people's opinions (`lcvd.report.opinions`).

    Methods of the manifest without records stand there as not computed, those that were refused with the reason. The
    paper's numbers have columns and rows of their own: they were measured on other clips, and none is ranked against a
    number from here.
    """
    refused, study = full.get("refused", {}), full.get("study")
    found = {arm: {each["name"]: each for each in records} for arm, records in full["arms"].items()}
    first = next((each for records in found.values() for each in records.values()), None)
    found = merged(found, study) if study else found
    measured = ordered(name for each in found.values() for name in each)
    theirs = list(dict.fromkeys(name for each in manifest.published.values() for name in each))
    titles = {**manifest.methods, **{name: each.title for name, each in manifest.variants.items()}}
    titles |= {arm: arm for arm in (*found, *refused) if arm not in titles and arm != INPUT}
    marks = {name: _marks(name, found) for name in measured}
    lines = [Line("Input, not relit", "input", _cells(found[INPUT], {}))] if INPUT in found else []
    for name, title in titles.items():
        if name in found:
            cells = _cells(found[name], {metric: marks[metric].get(name, "") for metric in measured})
            lines.append(Line(title, "computed", cells))
        else:
            lines.append(Line(title, "absent", {}, refused.get(name, "not computed")))
    for name, values in manifest.published.items():
        cells = {_theirs(metric): Cell(f"{value:g}") for metric, value in values.items()}
        lines.append(Line(f"{titles[name]}, published", "published", cells))
    columns = (*measured, *(_theirs(name) for name in theirs))
    directions = {name: ARROWS[metric_of(name).direction].replace("driving", "input") for name in measured}
    made = _made(first) if first else "Nothing was measured."
    return Table(
        manifest.title,
        columns,
        directions,
        tuple(lines),
        _notes(manifest, (*full.get("remarks", ()), *([note_of(study)] if study else [])), titles, found),
        made,
    )


def markdown(table: Table) -> str:
    """As Markdown."""
    heads = [f"{name} {table.directions.get(name, '')}".strip() for name in table.columns]
    lines = [f"# {table.title}", "", table.made, "", "| Method | " + " | ".join(heads) + " |"]
    lines.append("|---|" + "---:|" * len(heads))
    for line in table.lines:
        cells = [_marked(line, name, "markdown", _pipes) for name in table.columns]
        lines.append(f"| {_pipes(_title(line))} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"* {_pipes(note)}" for note in table.notes)]) + "\n"


def latex(table: Table) -> str:
    """As a LaTeX ``tabular`` (package booktabs)."""
    heads = [_escaped(f"{name} {table.directions.get(name, '')}".strip()) for name in table.columns]
    lines = [f"% {table.title}. {table.made}", r"\begin{tabular}{l" + "r" * len(heads) + "}", r"\toprule"]
    lines += ["Method & " + " & ".join(heads) + r" \\", r"\midrule"]
    for line in table.lines:
        cells = [_marked(line, name, "latex", _escaped) for name in table.columns]
        lines.append(f"{_escaped(_title(line))} & " + " & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([*lines, *(f"% {note}" for note in table.notes)]) + "\n"


def html(table: Table, picture: str = "") -> str:
    """As one HTML page without anything to load; names come from users' files and are escaped. `picture` is the data URI of
    the picture of all methods, if there is one."""
    environment = Environment(
        loader=PackageLoader("lcvd.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    meanings = {name: metric_of(name).meaning for name in table.directions}
    return environment.get_template("table.html").render(
        table=table, meanings=meanings, empty=Cell("–"), picture=picture
    )


def write_tables(folder: Path, table: Table, grid: Path | None = None) -> None:
    """``table.md``, ``table.tex`` and ``table.html`` below `folder`; the last with the picture `grid` embedded."""
    folder.mkdir(parents=True, exist_ok=True)
    page = html(table, picture_uri(grid, GRID_WIDTH) if grid else "")
    for ending, text in (("md", markdown(table)), ("tex", latex(table)), ("html", page)):
        path = folder / f"table.{ending}"
        aside = path.with_name(f".{path.name}.part")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)


def _cells(records: Mapping[str, Mapping[str, Any]], marks: Mapping[str, str]) -> dict[str, Cell]:
    return {name: Cell(number(each["value"]), marks.get(name, ""), _more(each)) for name, each in records.items()}


def _more(record: Mapping[str, Any]) -> str:
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


def _marks(name: str, found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, str]:
    """Best and second among the arms that are methods; equal numbers share a mark, a lone method has none."""
    values = {arm: each[name]["value"] for arm, each in found.items() if arm != INPUT and name in each}
    known = {arm: value for arm, value in values.items() if value is not None}
    direction = metric_of(name).direction
    real = found.get(INPUT, {}).get(name, {}).get("value")
    if len(known) < 2 or (direction == "reference" and real is None):
        return {}

    def badness(value: float) -> float:
        if direction == "reference":
            return abs(value - (real or 0.0))
        return -value if direction == "higher" else value

    ranks = sorted({badness(value) for value in known.values()})
    best = dict(zip(ranks, ("best", "second"), strict=False))
    return {arm: best.get(badness(value), "") for arm, value in known.items()}


def _notes(
    manifest: Manifest,
    remarks: Sequence[str],
    titles: Mapping[str, str],
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> tuple[str, ...]:
    notes = [*([manifest.note] if manifest.note else []), *remarks]
    who: dict[str, list[str]] = {}
    for arm, records in found.items():
        for name, each in records.items():
            missing = [f"{each['missing']} frames couldn't be measured"] if each["missing"] else []
            for note in (*each["notes"], *missing):
                who.setdefault(f"{name}: {note}.", []).append(titles.get(arm, "Input"))
    notes += [f"{note} ({', '.join(arms)})" for note, arms in who.items()]
    if manifest.published:
        notes.append("Published rows are the paper's own numbers, on clips that aren't known; they aren't ranked.")
    return tuple(notes)


def _made(record: Mapping[str, Any]) -> str:
    protocol = record["protocol"]
    lights = ", ".join(protocol["lights"])
    return f"{record['clips']} clips, light {lights}; {protocol['sampling']}, {protocol['size']} px; seed {protocol['seed']}."


def _theirs(name: str) -> str:
    return f"{name} (paper)"


def _title(line: Line) -> str:
    return f"{line.title} ({line.why})" if line.why else line.title


def _marked(line: Line, column: str, form: str, escape: Callable[[str], str]) -> str:
    cell = line.cells.get(column, Cell("–"))
    before, after = MARKS[form].get(cell.mark, ("", ""))
    return f"{before}{escape(cell.text)}{after}"


def _pipes(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
