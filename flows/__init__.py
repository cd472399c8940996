"""When and in which order: one Prefect flow a stage, the chain of all, and the nightly evaluation."""

from tasks.runtime.environment import prepare
from tasks.runtime.orphan_guard import end_while_loading

end_while_loading()
prepare()  # before any flow module imports Prefect
