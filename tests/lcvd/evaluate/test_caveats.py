from lcvd.evaluate.caveats import caveats, is_small
from lcvd.evaluate.methods.registry import METHODS
from lcvd.evaluate.protocol import load_protocol

EDITS = {"side": 512}
SMALL = {"size": 128, "parameters": 5_000_000}
LARGE = {"size": 512, "parameters": 1_500_000_000}


def sentences(name, **methods):
    """The caveats of a protocol's results: facts, LE and angle by method."""
    protocol, _ = load_protocol(name)
    results = {
        method: {
            "title": protocol.titles.get(method, method),
            "facts": facts,
            "records": [{"name": "LE(open)", "value": le}, {"name": "Light angle(open)", "value": angle}],
        }
        for method, (facts, le, angle) in ({"driving": ({}, 1.0, 40.0)} | methods).items()
    }
    return caveats(protocol, {method: METHODS.get(method) for method in results}, results)


def test_the_order_is_explained():
    small, edits, far = sentences("smoke", lcvd=(SMALL, 1.2, 8.0), dpr=(EDITS, 0.5, None), codec=({}, 1.1, 50.0))
    assert small.startswith("LCVD (ours): a model of 5 million weights and 128 px")
    assert edits.startswith("DPR: the input's own frames in other colours")
    assert far == "LE(open): LCVD (ours) is no closer to the target light than the unmodified input."


def test_there_is_nothing_to_say_of_a_large_model_alone():
    assert sentences("smoke", lcvd=(LARGE, 0.5, 8.0)) == []


def test_animation_says_nothing_about_relighting():
    assert len(sentences("hdtf-animate", lcvd=(SMALL, 1.5, 80.0))) == 1


def test_either_makes_a_model_small():
    assert is_small({"size": 512, "parameters": 5_000_000})
    assert is_small({"size": 128, "parameters": 1_500_000_000})
    assert not is_small({"size": 512, "parameters": 1_500_000_000})
