import torch

from lcvd.model.masks import latent_mask


def test_latent_mask_binarises_then_takes_the_nearest() -> None:
    mask = torch.zeros(1, 16, 16, dtype=torch.uint8)
    mask[0, 0, 0], mask[0, 0, 8], mask[0, 8, 9] = 128, 127, 255
    assert latent_mask(mask)[0, 0].tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert torch.equal(latent_mask(mask > 127), latent_mask(mask))
