"""The Prefect flows: one for each stage, one for all stages in order, and the nightly evaluation."""

from tasks.runtime.environment import prepare
from tasks.runtime.orphan_guard import end_while_loading

end_while_loading()
prepare()  # before any flow module imports Prefect
