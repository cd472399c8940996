from lcvd.face.u2net import PARAMETERS, TENSORS, U2Net


def test_it_has_the_published_files_tensors() -> None:
    state = U2Net().state_dict()
    assert len(state) == TENSORS
    assert sum(part.numel() for part in U2Net().parameters()) == PARAMETERS
    for key in (
        "stage1.rebnconv7.bn_s1.running_var",
        "stage5.rebnconv3d.conv_s1.weight",
        "side6.bias",
        "outconv.weight",
    ):
        assert key in state
