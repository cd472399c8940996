from types import SimpleNamespace

from lcvd.evaluate.caveats import is_small, remarks
from lcvd.evaluate.protocol import load_manifest

EDITS = SimpleNamespace(animates=False, facts=dict)
SMALL = SimpleNamespace(animates=True, facts=lambda: {"size": 128, "parameters": 5_000_000})
LARGE = SimpleNamespace(animates=True, facts=lambda: {"size": 512, "parameters": 1_500_000_000})


def records(le, angle):
    return [{"name": "LE(open)", "value": le}, {"name": "Light angle(open)", "value": angle}]


def test_the_order_is_explained():
    manifest, _ = load_manifest("smoke")
    arms = {"input": records(1.0, 40.0), "lcvd": records(1.2, 8.0), "dpr": records(0.5, None)}
    small, edits, far = remarks(manifest, {"lcvd": SMALL, "dpr": EDITS}, arms)
    assert small.startswith("LCVD (ours): a model of 5 million weights and 128 px")
    assert edits.startswith("DPR: the input's own frames in other colours")
    assert far == "LE(open): LCVD (ours) is no nearer to the light asked for than the input that nobody relit."


def test_there_is_nothing_to_say_of_a_large_model_alone():
    arms = {"input": records(1.0, 40.0), "lcvd": records(0.5, 8.0)}
    assert remarks(load_manifest("smoke")[0], {"lcvd": LARGE}, arms) == []


def test_animation_says_nothing_about_relighting():
    arms = {"input": records(1.0, 40.0), "lcvd": records(1.5, 80.0)}
    assert len(remarks(load_manifest("hdtf-animate")[0], {"lcvd": SMALL}, arms)) == 1


def test_either_makes_a_model_small():
    assert is_small({"size": 512, "parameters": 5_000_000})
    assert is_small({"size": 128, "parameters": 1_500_000_000})
    assert not is_small({"size": 512, "parameters": 1_500_000_000})
