"""A larger `lite` that does what a smaller one does, and has room to learn more.

After Net2Net (Chen et al., ICLR 2016), but new channels keep the values they are drawn with: nothing old reads them
at first, so that they need not copy old ones to leave the result as it is.
"""

from torch import Tensor

from fitroom.nets.lite import Lite, LiteConfig


def grown(small: Lite, config: LiteConfig) -> Lite:
    """A network of `config`, new layers drawn afresh, that gives what `small` gives.

    Passes that are new come before the old ones of their level, and change the flow by nothing yet. Raises ValueError
    where `config` is smaller somewhere, has another pyramid, or where either network was pruned.
    """
    check_larger(small.config, config)
    large = Lite(config)
    tensors = large.state_dict()
    places = head_places(small.config.passes, config.passes)
    for name, old in small.state_dict().items():
        parts = name.split(".")
        if parts[:2] == ["warp", "heads"]:
            parts[2] = str(places[int(parts[2])])
        put(tensors[".".join(parts)], old, inputs(name, small.config), inputs(name, config))
    large.load_state_dict(tensors)
    return large.train(small.training)


def check_larger(small: LiteConfig, large: LiteConfig) -> None:
    """Raise ValueError where a network of one configuration can't be grown into one of the other."""
    if small.widths or large.widths:
        raise ValueError("widths: pruned networks can't be grown; take the weights they were pruned from.")
    if small.pyramid != large.pyramid:
        raise ValueError(f"pyramid: {small.pyramid} channels can't become {large.pyramid}, since all heads read it.")
    old_heads = [large.heads[place] for place in head_places(small.passes, large.passes)]
    sizes = {
        "stem": ((small.stem,), (large.stem,)),
        "person": ((small.person,), (large.person,)),
        "encoder": (small.encoder, large.encoder),
        "heads": (small.heads, tuple(old_heads)),
        "generator": (small.generator, large.generator),
    }
    for name, (before, after) in sizes.items():
        if any(new < old for old, new in zip(before, after, strict=True)):
            raise ValueError(f"{name}: {after} is smaller than {before} somewhere.")


def head_places(small: tuple[int, ...], large: tuple[int, ...]) -> list[int]:
    """For every flow head of a network of `small` passes a level, its number in one of `large` passes."""
    places, first = [], 0
    for level, (before, after) in enumerate(zip(small, large, strict=True)):
        if after < before:
            raise ValueError(f"passes: {after} in place of {before} at level {level}, coarsest first.")
        places += [first + after - before + number for number in range(before)]
        first += after
    return places


def inputs(name: str, config: LiteConfig) -> tuple[int, ...]:
    """Channels of each map that a layer reads side by side; () where it reads one."""
    half, quarter, eighth, sixteenth = config.generator
    together = {
        "generator.enter.0.weight": (config.person, 4),
        "generator.mix.0.weight": (quarter, config.pyramid),
        "generator.up3.0.weight": (sixteenth, eighth),
        "generator.up2.0.0.weight": (eighth, quarter),
        "generator.up1.0.0.weight": (half, half),
    }
    return together.get(name, ())


def put(new: Tensor, old: Tensor, old_inputs: tuple[int, ...], new_inputs: tuple[int, ...]) -> None:
    """Put a smaller tensor into a larger one, in place; what gives its outputs reads none of the new inputs."""
    if old.ndim == 0:
        new.copy_(old)
        return
    if old.ndim == 1:
        new[: len(old)] = old
        return
    rows = new[: old.shape[0]]
    rows.zero_()
    read = written = 0
    for before, after in zip(old_inputs or (old.shape[1],), new_inputs or (new.shape[1],), strict=True):
        rows[:, written : written + before] = old[:, read : read + before]
        read, written = read + before, written + after
