"""Translate the tensor names of published PF-AFN checkpoints to ours."""

from collections.abc import Mapping

from torch import Tensor

from fitroom.errors import WeightsError

# a smoothness filter in training checkpoints, which no network uses
DROPPED = ("aflow_net.weight",)

WARP_NAMES = {
    "image_features.encoders": "warp.garment_encoder.levels",
    "cond_features.encoders": "warp.person_encoder.levels",
    "image_FPN.adaptive": "warp.garment_pyramid.lateral",
    "image_FPN.smooth": "warp.garment_pyramid.smooth",
    "cond_FPN.adaptive": "warp.person_pyramid.lateral",
    "cond_FPN.smooth": "warp.person_pyramid.smooth",
    "aflow_net.netMain": "warp.flow.matching",
    "aflow_net.netRefine": "warp.flow.refinement",
}


def generator_names() -> dict[str, str]:
    """Map the prefixes of a published generator, where each level of the U contains the next, to our flat prefixes."""
    names = {}
    prefix = "model.model"
    for level in range(5):
        outermost, innermost = level == 0, level == 4
        names[f"{prefix}.0"] = f"generator.down.{level}.convolution"
        if not outermost and not innermost:
            names[f"{prefix}.1"] = f"generator.down.{level}.norm"
        first = 2 if outermost or innermost else 3
        for block in range(2):
            names[f"{prefix}.{first + block}"] = f"generator.down.{level}.residual.{block}"
        # after the two blocks: the next level (except in the innermost), upsampling, convolution
        convolution = first + (3 if innermost else 4)
        if outermost:
            names[f"{prefix}.{convolution}"] = "generator.leave"
        else:
            names[f"{prefix}.{convolution}"] = f"generator.up.{level - 1}.convolution"
            names[f"{prefix}.{convolution + 1}"] = f"generator.up.{level - 1}.norm"
            for block in range(2):
                names[f"{prefix}.{convolution + 3 + block}"] = f"generator.up.{level - 1}.residual.{block}"
        prefix = f"{prefix}.{first + 2}.model"
    return names


GENERATOR_NAMES = generator_names()


def renamed(tensor: str, prefixes: Mapping[str, str]) -> str | None:
    """Replace the longest matching prefix of a tensor's name, or return None if no prefix matches."""
    module, rest = tensor, ""
    while module:
        if module in prefixes:
            return prefixes[module] + rest
        module, _, last = module.rpartition(".")
        rest = f".{last}{rest}"
    return None


def translate(
    warp: Mapping[str, Tensor], generator: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], list[str]]:
    """Translate two published checkpoints. Returns a state dict with our names, and the dropped published names.

    `expected` is the state dict of the network to fill. The names in both checkpoints may have a `module.` prefix.
    Raises WeightsError that lists every missing, extra and wrongly shaped tensor.
    """
    state: dict[str, Tensor] = {}
    dropped, extra, shapes = [], [], []
    for checkpoint, prefixes in ((warp, WARP_NAMES), (generator, GENERATOR_NAMES)):
        for key, tensor in checkpoint.items():
            published = key.removeprefix("module.")
            if published in DROPPED:
                dropped.append(published)
                continue
            ours = renamed(published, prefixes)
            if ours is None or ours not in expected:
                extra.append(key)
            elif tensor.shape != expected[ours].shape:
                shapes.append(f"{key}: found {tuple(tensor.shape)}, need {tuple(expected[ours].shape)}")
                state[ours] = tensor
            else:
                state[ours] = tensor
    to_published = {ours: published for published, ours in (WARP_NAMES | GENERATOR_NAMES).items()}
    missing = [str(renamed(ours, to_published)) for ours in expected if ours not in state]
    problems = [f"missing: {', '.join(missing)}"] if missing else []
    problems += [f"extra: {', '.join(extra)}"] if extra else []
    problems += [f"wrong shape: {'; '.join(shapes)}"] if shapes else []
    if problems:
        raise WeightsError("not a published PF-AFN checkpoint: " + "; ".join(problems) + ".")
    return state, dropped
