"""Make tensors for `guided_warp.start` of a larger warp network's: begin_guided_warp.py TENSORS OUTPUT.

TENSORS is a file of `torch.save` with the network of the prototype: `lite` whose person encoder reads 27 channels. Its
channels are pruned by magnitude to the widths of `WarpConfig`. What is shown of persons differs: channels of both
networks keep their weights, new ones begin at zero.
"""

import sys

import torch
from torch import Tensor

from fitroom.compress.prune import pruned
from fitroom.nets.guided import GuidedWarp
from fitroom.nets.lite import Lite, LiteConfig

RATIO = 0.25
PARTS = "warp.person", "warp.garment", "warp.flow"
STEM = "person_encoder.stem.0.weight"
# of the prototype's 27 channels, those that `guidance.warp_maps` has: region, key points, face, lower clothes, hands
KEPT = {0: 3} | {1 + point: 4 + point for point in range(18)} | {22: 24, 23: 25, 24: 26}


def fitted(tensor: Tensor, like: Tensor) -> Tensor:
    """Cut a tensor to another's shape; rows that it lacks stay as they are, and read nothing that it lacks."""
    made = like.clone()
    if like.dim() > 1:
        made[:, tensor.shape[1] :] = 0
    region = tuple(slice(min(a, b)) for a, b in zip(tensor.shape, like.shape, strict=True))
    made[region] = tensor[region]
    return made


def main(source: str, output: str) -> None:
    saved = torch.load(source, weights_only=True)
    saved = saved.get("ema", saved)
    tensors = {name.removeprefix("lite."): tensor.float() for name, tensor in saved.items()}
    lite = Lite(LiteConfig(encoder=(32, 64, 128, 128), heads=(128, 96, 96, 64, 80, 32, 48), person=27))
    missing = lite.load_state_dict(tensors, strict=False).missing_keys
    assert all(name.startswith("generator.") for name in missing), missing
    found = pruned(lite, PARTS, RATIO).state_dict()
    stem = found[STEM]
    found[STEM] = torch.zeros(len(stem), len(KEPT) + 3, *stem.shape[2:])
    for mine, theirs in KEPT.items():
        found[STEM][:, mine] = stem[:, theirs]
    fresh = GuidedWarp().state_dict()
    made = {name: fitted(found[name], tensor) if tensor.dim() else found[name] for name, tensor in fresh.items()}
    torch.save({name: value.half() if value.is_floating_point() else value for name, value in made.items()}, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
