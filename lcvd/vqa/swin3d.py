"""Swin3D-tiny with gated relative position biases (GRPB) and the key names of the published file (spec F).

It is Video Swin (Liu et al. 2022) on fragments. Adjacent tokens of one fragment are adjacent in the video; adjacent tokens
of two fragments are not. The position bias of a token pair is therefore interpolated between two tables by the distance
of their fragments.

Shape suffixes: B batch, D time, H and W rows and columns of tokens, C channels, w window, N tokens of a window, h heads.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

Size = tuple[int, int, int]
PATCH: Size = (2, 4, 4)
WINDOW: Size = (8, 7, 7)
SHIFT: Size = (4, 3, 3)
DIM, DEPTHS, HEADS = 96, (2, 2, 6, 2), (3, 6, 12, 24)
GATED = 3
"""Number of stages with a second bias table for pairs of fragments. In the last stage a fragment is one token."""
BIASES_AT_ONCE = 48
"""Heads times windows whose biases (N, N) are in memory at a time: 30 MB instead of 240 MB for the whole first stage."""
GRID = 7
"""Number of fragments in each row and column of a frame."""
MASKED = -100.0
"""Bias between tokens that are in one window only because the cyclic shift moved them there from opposite borders."""


class Attention(nn.Module):
    """Attention within windows, with one or two tables of relative position biases."""

    def __init__(self, dim: int, heads: int, gated: bool) -> None:
        super().__init__()
        self.heads = heads
        offsets = (2 * WINDOW[0] - 1) * (2 * WINDOW[1] - 1) * (2 * WINDOW[2] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(offsets, heads))
        self.fragment_position_bias_table = nn.Parameter(torch.zeros(offsets, heads)) if gated else None
        self.register_buffer("relative_position_index", _relative_index())
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x_BwNC: Tensor, labels_wN3: Tensor) -> Tensor:
        """Map (B, w, N, C) to the same shape. `labels_wN3` is from `_token_labels`."""
        near_hNN = self._biases(self.relative_position_bias_table)
        far = self.fragment_position_bias_table
        change_hNN = None if far is None else self._biases(far) - near_hNN
        count = max(1, BIASES_AT_ONCE // self.heads)
        found = []
        for part, marks in zip(x_BwNC.split(count, 1), labels_wN3.split(count), strict=True):
            mask_wNN, steps_wNN = _pair_biases(marks)
            bias_whNN = mask_wNN[:, None] + near_hNN
            if change_hNN is not None:  # g near + (1 - g) far, with g = steps
                bias_whNN.addcmul_((1 - steps_wNN)[:, None], change_hNN)
            found.append(self._attend(part, bias_whNN))
        return self.proj(torch.cat(found, 1))

    def _attend(self, x_BwNC: Tensor, bias_whNN: Tensor) -> Tensor:
        """Attend with windows and heads in one axis: fast kernels need 4-D inputs, and biases broadcast over the batch."""
        q, k, v = self.qkv(x_BwNC).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5).flatten(2, 3)
        found = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias_whNN.flatten(0, 1)[None])
        return found.unflatten(1, (-1, self.heads)).transpose(2, 3).flatten(3)

    def _biases(self, table: Tensor) -> Tensor:
        index = self.get_buffer("relative_position_index")
        return table[index.flatten()].view(*index.shape, -1).permute(2, 0, 1).contiguous()


class Mlp(nn.Module):
    """Two linear layers with a GELU in between."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., C) to the same shape."""
        return self.fc2(functional.gelu(self.fc1(x)))


class SwinBlock(nn.Module):
    """Window attention and MLP, each with pre-normalisation and a residual connection."""

    def __init__(self, dim: int, heads: int, gated: bool, shifted: bool) -> None:
        super().__init__()
        self.shifted = shifted
        self.norm1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, heads, gated)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim)

    def forward(self, x_BDHWC: Tensor) -> Tensor:
        """Map (B, D, H, W, C) to the same shape."""
        d, h, w = x_BDHWC.shape[1:4]
        size: Size = (d, h, w)
        shift = self._shift(size)
        rolled = self.norm1(x_BDHWC).roll(tuple(-m for m in shift), (1, 2, 3))
        marks = _token_labels(size, shift, x_BDHWC.device)
        attended = _from_windows(self.attn(_to_windows(rolled), marks), size).roll(shift, (1, 2, 3))
        x_BDHWC = x_BDHWC + attended
        return x_BDHWC + self.mlp(self.norm2(x_BDHWC))

    def _shift(self, size: Size) -> Size:
        """Return the shift along each axis: 0 if one window covers the axis."""
        d, h, w = (m if self.shifted and s > n else 0 for s, n, m in zip(size, WINDOW, SHIFT, strict=True))
        return d, h, w


class Merging(nn.Module):
    """Merge 2 x 2 adjacent tokens of a frame into one token with twice the channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = nn.LayerNorm(4 * dim)

    def forward(self, x_BDHWC: Tensor) -> Tensor:
        """Map (B, D, H, W, C) to (B, D, H/2, W/2, 2C)."""
        four = [x_BDHWC[:, :, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(four, -1)))


class SwinStage(nn.Module):
    """Blocks at one resolution, every other one with shifted windows, followed by downsampling."""

    def __init__(self, index: int) -> None:
        super().__init__()
        dim = DIM << index
        self.blocks = nn.ModuleList(
            SwinBlock(dim, HEADS[index], index < GATED, shifted=number % 2 == 1) for number in range(DEPTHS[index])
        )
        self.downsample = Merging(dim) if index + 1 < len(DEPTHS) else None

    def forward(self, x_BDHWC: Tensor) -> Tensor:
        """Map (B, D, H, W, C) to (B, D, H/2, W/2, 2C). The last stage keeps the shape."""
        for block in self.blocks:
            x_BDHWC = block(x_BDHWC)
        return x_BDHWC if self.downsample is None else self.downsample(x_BDHWC)


class PatchEmbed(nn.Module):
    """Embed patches of 2 frames x 4 x 4 pixels as normalised tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, DIM, PATCH, PATCH)
        self.norm = nn.LayerNorm(DIM)

    def forward(self, x_BCDHW: Tensor) -> Tensor:
        """Map a video (B, 3, D, H, W) to tokens (B, D/2, H/4, W/4, C)."""
        return self.norm(self.proj(x_BCDHW).permute(0, 2, 3, 4, 1))


class Swin3D(nn.Module):
    """The backbone. New instances have random weights."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed()
        self.layers = nn.ModuleList(SwinStage(index) for index in range(len(DEPTHS)))
        self.norm = nn.LayerNorm(DIM << (len(DEPTHS) - 1))

    def forward(self, x_BCDHW: Tensor) -> Tensor:
        """Map normalised fragments (B, 3, 32, 224, 224) to features (B, 768, 16, 7, 7)."""
        x_BDHWC = self.patch_embed(x_BCDHW)
        for layer in self.layers:
            x_BDHWC = layer(x_BDHWC)
        return self.norm(x_BDHWC).permute(0, 4, 1, 2, 3)


def _to_windows(x_BDHWC: Tensor) -> Tensor:
    """Partition features (B, D, H, W, C) into windows (B, w, N, C). D, H and W must be multiples of `WINDOW`."""
    batch, d, h, w, channels = x_BDHWC.shape
    wd, wh, ww = WINDOW
    parts = x_BDHWC.reshape(batch, d // wd, wd, h // wh, wh, w // ww, ww, channels)
    return parts.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(batch, -1, wd * wh * ww, channels)


def _from_windows(x_BwNC: Tensor, size: Size) -> Tensor:
    """Invert `_to_windows`: (B, w, N, C) to (B, D, H, W, C). `size` is (D, H, W)."""
    (d, h, w), (wd, wh, ww) = size, WINDOW
    parts = x_BwNC.reshape(len(x_BwNC), d // wd, h // wh, w // ww, wd, wh, ww, -1)
    return parts.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(len(x_BwNC), d, h, w, -1)


def _relative_index() -> Tensor:
    """Return the row of the bias table for each pair of tokens of a window, (N, N) int64.

    Rows are ordered by the differences in time, row and column (row-major), each starting at the most negative.
    """
    axes = torch.meshgrid(*(torch.arange(w) for w in WINDOW), indexing="ij")
    positions = torch.stack([axis.flatten() for axis in axes])
    offsets = positions[:, :, None] - positions[:, None]
    time, row, column = (offsets[i] + WINDOW[i] - 1 for i in range(3))
    return (time * (2 * WINDOW[1] - 1) + row) * (2 * WINDOW[2] - 1) + column


def _token_labels(size: Size, shift: Size, device: torch.device) -> Tensor:
    """Return the labels (w, N, 3) float32 that `_pair_biases` compares, for features (D, H, W) shifted by -`shift`.

    The labels of a token are its region relative to the borders of the cyclic shift, and its fragment's row and column.
    """
    axes = [(torch.arange(s, device=device) + m) % s for s, m in zip(size, shift, strict=True)]
    d, h, w = torch.meshgrid(*axes, indexing="ij")
    region = (d < shift[0]) + 2 * (h < shift[1]) + 4 * (w < shift[2])
    found = torch.stack([region, h * GRID // size[1], w * GRID // size[2]], -1)
    return _to_windows(found[None].float())[0]


def _pair_biases(labels_wN3: Tensor) -> tuple[Tensor, Tensor]:
    """Return two values for each pair of tokens of a window, each (w, N, N).

    The first is the attention mask: `MASKED` for tokens of different regions, else 0. The second is the distance of their
    fragments: rows plus columns, 0 within a fragment, often above 1.
    """
    region, row, column = labels_wN3.unbind(-1)
    mask = MASKED * (region[:, :, None] != region[:, None])
    steps = (row[:, :, None] - row[:, None]).abs() + (column[:, :, None] - column[:, None]).abs()
    return mask, steps
