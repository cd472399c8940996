"""Environment of every flow process, set before Prefect is imported: no telemetry, own messages only, no result cache."""

from __future__ import annotations

import functools
import logging
import os
import warnings
from collections.abc import MutableMapping
from pathlib import Path

SCRATCH = "LCVD_SCRATCH"  # folder of scratch cache, locks and logs; .lcvd below the working folder unless set
SUPERVISED = "LCVD_SUPERVISED"  # set for children of the supervisor: it stamps the time on their lines
PARENT_RUN = "LCVD_PARENT_RUN"  # id of the flow run that started this stage

_ALWAYS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
}
_DEFAULTS = {
    # Prefect's own chatter (two lines a task run) goes; the library's messages reach console and UI
    "PREFECT_LOGGING_EXTRA_LOGGERS": "lcvd",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_LOGGERS_PREFECT_FLOW_RUNS_LEVEL": "WARNING",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "WARNING",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_COLORS": "false",
    # telemetry of libraries
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GLOG_minloglevel": "2",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "PYTHONHASHSEED": "0",
}


def scratch() -> Path:
    """Absolute path of the scratch folder."""
    return Path(os.environ.get(SCRATCH, ".lcvd")).absolute()


def prepare(environ: MutableMapping[str, str] = os.environ) -> None:
    """Fill in what `environ` leaves open. Without PREFECT_API_URL, Prefect's home is inside the scratch folder."""
    environ.update(_ALWAYS)
    for key, value in _DEFAULTS.items():
        environ.setdefault(key, value)
    stamp = "" if SUPERVISED in environ else "%(asctime)s %(levelname)-7s | "
    environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_FORMAT", stamp + "%(message)s")
    if "PREFECT_API_URL" not in environ:
        home = scratch() / "prefect"
        home.mkdir(parents=True, exist_ok=True)
        environ.setdefault("PREFECT_HOME", str(home))
    show_messages()


def show_messages() -> None:
    """Let the library's messages pass from INFO up (Prefect brings the handlers), and drop what nobody can act on."""
    logging.getLogger("lcvd").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"google\.protobuf\.symbol_database")


def outlive_reader() -> None:
    """Go on when nobody reads what this process prints any more, as after its Prefect worker was killed.

    Rich ends a program then, at its next message. The server still gets them all.
    """
    from prefect.logging.handlers import PrefectConsoleHandler

    known = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {handler for logger in known for handler in logger.handlers}:
        if isinstance(handler, PrefectConsoleHandler):
            silence = functools.partial(setattr, handler.console, "quiet", True)
            handler.console.on_broken_pipe = silence  # type: ignore[method-assign]
