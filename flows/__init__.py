"""When and in which order: one Prefect flow a stage, the chain of all, and the nightly evaluation."""

from tasks.environment import prepare

prepare()  # before any flow module imports Prefect
