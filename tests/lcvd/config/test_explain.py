"""`lcvd config explain`: type, default and docstring of every key."""

import pytest
from pydantic import BaseModel

from lcvd.config.explain import explained, keys
from lcvd.config.profiles import profile


def flat(settings: BaseModel, prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, value in settings:
        names += flat(value, f"{prefix}{name}.") if isinstance(value, BaseModel) else [prefix + name]
    return names


def test_keys_follow_the_order_of_the_file() -> None:
    assert [key.name for key in keys()] == flat(profile("demo"))


def test_allowed_values_are_described() -> None:
    (key,) = explained("train.model.size")
    assert (key.takes, key.default) == ("whole number, at least 64, a multiple of 64", 512)
    assert explained("train.precision")[0].takes == "`fp32` or `bf16` or `fp16`"
    assert explained("reconstruct.codes")[0].takes == "`open` or `deca`"
    assert explained("train.optimiser.betas")[0].takes == "2 values: number"
    assert [key.name for key in explained("evaluate")][:2] == ["evaluate.clips", "evaluate.frames"]


def test_an_unknown_key_suggests_similar_keys() -> None:
    with pytest.raises(ValueError, match=r"no key 'lr'; similar keys: train\.optimiser\.lr"):
        explained("lr")
