"""A few kills of `tests.chaos`; ``python -m tests.chaos --kills 50`` makes more."""

import random

import pytest

from tests.chaos import Chaos


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_chain_that_is_killed_at_random_ends_with_the_undisturbed_run_s_bytes(tmp_path):
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    chaos = Chaos(tmp_path / "project", seed)
    chaos.run_undisturbed()
    chaos.run(3)
    assert len(chaos.kills) == 3
    assert chaos.finished
