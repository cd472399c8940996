"""Start, time limits and notifications of the runs of `train-lcvd` and `nightly-eval`."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from prefect import Task, runtime
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.task_engine import TaskRunTimeoutError

from tasks.runtime.entrypoint import StageError
from tasks.runtime.environment import outlive_reader, show_messages


def begin(notify: str | None) -> str:
    """Set up the log messages of a flow run, and check its notification block; returns a unique name of the run.

    Raises:
        StageError: see `notifier`.
    """
    show_messages()
    outlive_reader()
    if notify:
        notifier(notify)
    return f"{runtime.flow_run.name}-{str(runtime.flow_run.id)[-8:]}"


@contextlib.contextmanager
def within(stage: str, work: Task[Any, Any], hours: float | None) -> Iterator[Callable[..., Any]]:
    """`work` as the task of a stage; after `hours` it is cancelled with its whole process tree.

    Raises:
        StageError: the time limit was exceeded, or isn't above 0.
    """
    if hours is not None and hours <= 0:
        raise StageError(f"hours of stage {stage}: {hours:g} found, a number above 0 expected")
    seconds = None if hours is None else hours * 3600
    try:
        yield work.with_options(tags=[f"lcvd-{stage}"], timeout_seconds=seconds)
    except TaskRunTimeoutError as error:
        raise StageError(f"stage {stage} exceeded its limit of {hours:g} hours and was cancelled. Finished results are kept: "
                         "run it again, or raise the limit") from error  # fmt: skip


def notifier(name: str) -> NotificationBlock:
    """The notification block ``<type>/<name>`` of the Prefect server.

    Raises:
        StageError: there is no such block, or it isn't a notification block.
    """
    expected = "create one on Prefect's page under Blocks, or see `prefect block ls`"
    try:
        block = Block.load(name)
    except ValueError as error:
        raise StageError(f"notify: no block {name!r} on this Prefect server ({error}); {expected}") from error
    if not isinstance(block, NotificationBlock):
        raise StageError(f"notify: block {name!r} is a {type(block).__name__}, not a notification block; {expected}")
    return block


def send_notification(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook of a flow: report the end of its run through the notification block in its parameter `notify`, if it is set."""
    if name := flow_run.parameters.get("notify"):
        text, subject = state.message or "no message", f"{flow.name}, run {flow_run.name}: {state.name}"
        notifier(name).notify(text, subject)  # type: ignore[unused-coroutine]  # synchronous without a running event loop
