import torch

from lcvd.model.fingerprint import fingerprint


def test_fingerprints_see_every_weight() -> None:
    a, b = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    b.load_state_dict(a.state_dict())
    assert fingerprint(a) == fingerprint(b)
    with torch.no_grad():
        b.bias[2] = torch.nextafter(b.bias[2], torch.tensor(9.0))
    assert fingerprint(a) != fingerprint(b)
    assert fingerprint(a) != fingerprint(a.half())
