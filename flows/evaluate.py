"""Stage `evaluate`: relight the test clips, score them, write the report."""

import logging

from prefect import flow

from lcvd.config.settings import Settings
from lcvd.evaluate.records_file import read_records
from lcvd.evaluate.stage import evaluate as relight_and_score
from lcvd.evaluate.write import headline
from lcvd.progress import ProgressPrinter
from lcvd.report.build import build_report
from lcvd.report.tables import markdown, table_of
from tasks.runtime.artifacts import show_images, show_text
from tasks.runtime.stage import DATA, Stage, main
from tasks.runtime.throughput import reported

log = logging.getLogger("lcvd.evaluate")


@flow(name="evaluate")
def evaluate(settings: Settings) -> None:
    """Evaluate the trained model on the test split."""
    stage = Stage("evaluate")
    model, shards = stage.input("train") / "model", stage.input("shard")
    out = stage.fresh()
    with ProgressPrinter(log.info, unit="frames") as progress, reported(stage.name):
        numbers = relight_and_score(model, shards, out, settings, progress)
    log.info("evaluate: %s", headline(numbers))
    (out / "table.md").write_text(
        markdown(table_of(read_records(out / "records.json")), intervals=True), encoding="utf-8"
    )
    build_report(DATA, out / "report.html")
    show_text("metrics", out / "table.md")
    show_images("plots", (out / "plots").glob("*.png"))


if __name__ == "__main__":
    main(evaluate)
