from lcvd.config.reconstruct import ReconstructSettings, ReconstructThresholds


def test_thresholds_decide_neither_codes_nor_masks():
    settings = ReconstructSettings()
    other = settings.model_copy(update={"thresholds": ReconstructThresholds(max_pose_jitter=9.0)})
    assert other.decisive() == settings.decisive()
    assert settings.model_copy(update={"mask": "u2net"}).decisive() != settings.decisive()
