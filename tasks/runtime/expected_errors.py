"""Errors that tell all there is to tell in their message, and Prefect's loggers that would show tracebacks of them."""

from __future__ import annotations

import logging

from lcvd.config.io import SettingsError
from lcvd.ledger.machine import MachineError, machine_error
from lcvd.ledger.rows import ClipError
from lcvd.weights.registry import MissingWeights, ModelError

LIBRARY_ERRORS = (SettingsError, ClipError, MachineError, MissingWeights, ModelError)


def hide_tracebacks(*expected: type[Exception]) -> None:
    """From now on Prefect's run loggers of this process drop what is about an error of those types, or of the machine."""

    def unexpected(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        told = error is not None and (isinstance(error, expected) or machine_error(error) is not None)
        return not told and not str(record.msg).startswith("Finished in state")

    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(unexpected)
