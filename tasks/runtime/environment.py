"""Environment of flow processes, set before Prefect is imported: no telemetry, no result cache, log messages of lcvd only."""

import functools
import logging
import os
import warnings
from pathlib import Path

from lcvd.errors import expected

SCRATCH = "LCVD_SCRATCH"  # folder of the scratch cache, locks and logs; default: .lcvd in the working folder
RESUME = "LCVD_RESUME"  # scratch folder of a training run from whose newest checkpoint a new one starts
SUPERVISED = "LCVD_SUPERVISED"  # set for child processes of the supervisor, whose lines need no time stamp
PARENT_RUN = "LCVD_PARENT_RUN"  # id of the flow run that started this stage

_ALWAYS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
}
_DEFAULTS = {
    # without Prefect's own messages (two per task run); those of lcvd reach the console and Prefect's page
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


def prepare() -> None:
    """Set the environment variables of this module; users may set other values of `_DEFAULTS`. Without PREFECT_API_URL, Prefect's home is in the scratch folder."""
    os.environ.update(_ALWAYS)
    for key, value in _DEFAULTS.items():
        os.environ.setdefault(key, value)
    stamp = "" if SUPERVISED in os.environ else "%(asctime)s %(levelname)-7s | "
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_FORMAT", stamp + "%(message)s")
    if "PREFECT_API_URL" not in os.environ:
        home = scratch() / "prefect"
        home.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("PREFECT_HOME", str(home))
    show_messages()


def show_messages() -> None:
    """Enable log messages of lcvd from level INFO (Prefect adds the handlers), and hide a warning that needs no action."""
    logging.getLogger("lcvd").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"google\.protobuf\.symbol_database")


def hide_tracebacks() -> None:
    """Remove expected errors and "Finished in state" lines from the log of Prefect runs in this process.

    An expected error is printed as one message elsewhere (`tasks.runtime.entrypoint.entry`).
    """

    def wanted(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        shown_elsewhere = error is not None and expected(error) is not None
        return not shown_elsewhere and not str(record.msg).startswith("Finished in state")

    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(wanted)


def outlive_reader() -> None:
    """Continue when the output pipe of this process breaks, for example because its Prefect worker was killed.

    By default Rich exits at the next message. The Prefect server still receives all messages.
    """
    from prefect.logging.handlers import PrefectConsoleHandler

    known = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {handler for logger in known for handler in logger.handlers}:
        if isinstance(handler, PrefectConsoleHandler):
            silence = functools.partial(setattr, handler.console, "quiet", True)
            handler.console.on_broken_pipe = silence  # type: ignore[method-assign]
