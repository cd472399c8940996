"""Keep tracebacks of expected errors out of Prefect's run logs: their message is all that is needed."""

from __future__ import annotations

import logging

from lcvd.errors import expected


def hide_tracebacks() -> None:
    """Drop what Prefect's run loggers in this process write about expected errors, and their "Finished in state" lines."""

    def wanted(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        shown_elsewhere = error is not None and expected(error) is not None
        return not shown_elsewhere and not str(record.msg).startswith("Finished in state")

    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(wanted)
