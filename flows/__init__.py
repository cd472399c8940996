"""When and in which order: one Prefect flow a stage, the chain of all, and the nightly evaluation."""

from tasks.deathwatch import end_while_loading
from tasks.environment import prepare

end_while_loading()
prepare()  # before any flow module imports Prefect
