"""A protocol's table as Markdown, LaTeX and HTML, from its records. The best value is bold and the second best
underlined, as in the paper."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import write_text_whole
from lcvd.evaluate.methods.registry import DRIVING
from lcvd.evaluate.protocol import Protocol
from lcvd.evaluate.write import ARROWS
from lcvd.metrics.registry import METRICS, ordered
from lcvd.report.collect import number
from lcvd.report.media import image_uri
from lcvd.report.opinions import merge_study, study_note
from lcvd.report.templates import templates_of

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
    """A formatted number: `mark` is ``best``, ``second`` or empty; `interval` its 95 % interval; `detail` the interval or,
    without one, the number of measurements."""

    text: str
    mark: str = ""
    interval: str = ""
    detail: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row of the table: `kind` is ``computed``, ``unranked``, ``absent`` or ``published``; `reason` says why there are
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


def table_of(full: Mapping[str, Any], study: Mapping[str, Any] | None = None) -> Table:
    """The table of an evaluation.

    Methods of the protocol without records are listed as not computed, refused ones with their reason. The paper's numbers
    have separate columns and rows: they were measured on other clips and are not ranked against results from here.

    Args:
        full: the content of records.json.
        study: the opinions of a user study (`lcvd.report.opinions`).
    """
    protocol, methods = Protocol.model_validate(full["protocol"]), full["methods"]
    found = {name: {each["name"]: each for each in method.get("records", ())} for name, method in methods.items()}
    found = merge_study({name: records for name, records in found.items() if records}, study)
    measured = ordered(name for each in found.values() for name in each)
    titles = {name: methods.get(name, {}).get("title", name) for name in (*methods, *found)}
    titles = {DRIVING: titles.pop(DRIVING, ""), **protocol.titles, **titles}
    unranked = {name for name, method in methods.items() if not method.get("ranked", True)}
    marks = {name: _rank_marks(name, found, unranked) for name in measured}
    rows = []
    for name, title in titles.items():
        if name in found:
            cells = {metric: _cell(each, marks[metric].get(name, "")) for metric, each in found[name].items()}
            rows.append(TableRow(title, "unranked" if name in unranked else "computed", cells))
        elif name != DRIVING:
            rows.append(TableRow(title, "absent", {}, methods.get(name, {}).get("refused", "not computed")))
    for name, values in protocol.published.items():
        cells = {_paper_column(metric): Cell(f"{value:g}") for metric, value in values.items()}
        rows.append(TableRow(f"{titles[name]}, published", "published", cells))
    steps = full["run"].get("train_steps")
    caveats = [*full["caveats"], *([] if steps is None else [f"The model was trained for {steps} steps."])]
    caveats += [study_note(study)] if study else []
    paper_metrics = dict.fromkeys(name for each in protocol.published.values() for name in each)
    return Table(
        protocol.title,
        (*measured, *(_paper_column(name) for name in paper_metrics)),
        {name: ARROWS[METRICS.get(name).direction] for name in measured},
        tuple(rows),
        _notes(protocol, caveats, titles, found),
        _summary(full),
    )


def markdown(table: Table, *, intervals: bool = False) -> str:
    """The table as Markdown, with the 95 % intervals if wanted."""
    headings = [f"{name} {table.directions.get(name, '')}".strip() for name in table.columns]
    lines = [f"# {table.title}", "", table.summary, "", "| Method | " + " | ".join(headings) + " |"]
    lines.append("|---|" + "---:|" * len(headings))
    for row in table.rows:
        cells = [_formatted(row, name, "markdown", _escape_markdown) for name in table.columns]
        if intervals:
            spans = [row.cells.get(name, Cell("–")).interval for name in table.columns]
            cells = [f"{cell} [{span}]" if span else cell for cell, span in zip(cells, spans, strict=True)]
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
    meanings = {name: METRICS.get(name).meaning for name in table.directions}
    template = templates_of("lcvd.report").get_template("table.html")
    return template.render(table=table, meanings=meanings, empty=Cell("–"), image=image)


def write_tables(folder: Path, table: Table, grid: Path | None = None) -> None:
    """Write ``table.md``, ``table.tex`` and ``table.html`` to `folder`; the last with the image `grid` embedded."""
    page = html(table, image_uri(grid, GRID_WIDTH) if grid else "")
    for ending, text in (("md", markdown(table)), ("tex", latex(table)), ("html", page)):
        write_text_whole(folder / f"table.{ending}", text)


def _cell(record: Mapping[str, Any], mark: str) -> Cell:
    interval = " to ".join(number(edge) for edge in record["interval"] or ())
    if interval:
        detail = f"95 %: {interval}"
    elif "ratings" in record:
        detail = f"{record['ratings']} ratings"
    else:
        detail = f"{record['frames']} frames of {record['clips']} clips"
    return Cell(number(record["value"]), mark, interval, detail)


def _rank_marks(
    name: str, found: Mapping[str, Mapping[str, Mapping[str, Any]]], unranked: Collection[str]
) -> dict[str, str]:
    """Mark the best and second-best method; equal numbers share a mark, a single method has none."""
    values = {method: each[name]["value"] for method, each in found.items() if method not in unranked and name in each}
    known = {method: value for method, value in values.items() if value is not None}
    direction = METRICS.get(name).direction
    real = found.get(DRIVING, {}).get(name, {}).get("value")
    if len(known) < 2 or (direction == "reference" and real is None):
        return {}

    if direction == "reference":
        costs = {method: abs(value - real) for method, value in known.items()}
    else:
        costs = {method: -value if direction == "higher" else value for method, value in known.items()}
    marks = dict(zip(sorted(set(costs.values())), ("best", "second"), strict=False))
    return {method: marks.get(cost, "") for method, cost in costs.items()}


def _notes(
    protocol: Protocol,
    caveats: Sequence[str],
    titles: Mapping[str, str],
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> tuple[str, ...]:
    notes = [*([protocol.note] if protocol.note else []), *caveats]
    methods_by_note: dict[str, list[str]] = {}
    for method, records in found.items():
        made = {each["setup"]["made"] for each in records.values() if "setup" in each} - {""}
        notes += [f"{titles[method]}: {how}." for how in made]
        for name, each in records.items():
            missing = [f"{each['missing']} frames could not be measured"] if each["missing"] else []
            for note in (*each["notes"], *missing):
                methods_by_note.setdefault(f"{name}: {note}.", []).append(titles[method])
    notes += [f"{note} ({', '.join(names)})" for note, names in methods_by_note.items()]
    if protocol.published:
        notes.append("Published rows are the paper's own numbers on unknown clips; they are not ranked.")
    return tuple(notes)


def _summary(full: Mapping[str, Any]) -> str:
    setup = next((each["setup"] for method in full["methods"].values() for each in method.get("records", ())), None)
    if not setup:
        return "Nothing was measured."
    clips, lights = len(full["inputs"]), ", ".join(setup["lights"])
    return f"{clips} clips, light {lights}; {setup['sampling']}, {setup['size']} px; seed {setup['seed']}."


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
