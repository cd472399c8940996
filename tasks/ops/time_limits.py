"""How long work of a flow may take, and who hears how its run ended: Prefect's timeouts and notification blocks."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from prefect import Task
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.task_engine import TaskRunTimeoutError

from tasks.runtime.entrypoint import StageError

log = logging.getLogger("lcvd.limits")


@contextlib.contextmanager
def within(stage: str, work: Task[Any, Any], hours: float | None) -> Iterator[Callable[..., Any]]:
    """`work` as the task of a stage, ended after so many hours (its whole process tree, as on cancellation).

    Raises:
        StageError: that time was over, or isn't above 0.
    """
    if hours is not None and hours <= 0:
        raise StageError(f"hours of stage {stage}: {hours:g} found, a number above 0 expected")
    seconds = None if hours is None else hours * 3600
    try:
        yield work.with_options(tags=[f"lcvd-{stage}"], timeout_seconds=seconds)
    except TaskRunTimeoutError as error:
        raise StageError(f"stage {stage} took longer than the {hours:g} hours it was given, and was ended. What it had done "
                         "is kept: run it again, or give it more") from error  # fmt: skip


def notifier(name: str) -> NotificationBlock:
    """The notification block ``<type>/<name>`` of the Prefect server.

    Raises:
        StageError: there is none, or it is of another kind.
    """
    expected = "make one in Prefect's page under Blocks, or see `prefect block ls`"
    try:
        block = Block.load(name)
    except ValueError as error:
        raise StageError(f"notify: no block {name!r} on this Prefect server ({error}); {expected}") from error
    if not isinstance(block, NotificationBlock):
        raise StageError(f"notify: block {name!r} is a {type(block).__name__}, which notifies nobody; {expected}")
    return block


def tell(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook of a flow: say how its run ended through the block that its parameter `notify` names, if it names one."""
    if name := flow_run.parameters.get("notify"):
        text, subject = state.message or "no message", f"{flow.name}, run {flow_run.name}: {state.name}"
        notifier(name).notify(text, subject)  # type: ignore[unused-coroutine]  # done when called where no loop runs
