import torch

from lcvd.vqa.fastervqa import PARAMETERS, TENSORS, FasterVqa


def test_the_backbone_has_the_published_tensors() -> None:
    with torch.device("meta"):
        backbone = FasterVqa().fragments_backbone
    assert len(backbone.state_dict()) == TENSORS
    assert sum(part.numel() for part in backbone.parameters()) == PARAMETERS
    gated = [key for key in backbone.state_dict() if "fragment_position_bias_table" in key]
    assert {key.split(".")[1] for key in gated} == {"0", "1", "2"}
