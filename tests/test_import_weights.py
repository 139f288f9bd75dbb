"""Tests of importing published checkpoints, end to end."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from conftest import shared
from fitroom import TryOn
from fitroom.cli import main
from fitroom.data.viton import open_layout, read_pairs
from fitroom.photo.decode import read
from test_published import parity_network, published_checkpoint

BACKENDS = "openvino", "torch"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Both checkpoints on disk: warp.pth as saved by parallel training, gen.pth plain."""
    folder = tmp_path_factory.mktemp("published")
    warp = {f"module.{key}": tensor for key, tensor in published_checkpoint("warp").items()}
    torch.save(warp | {"module.aflow_net.weight": torch.zeros(1, 1, 1, 3)}, folder / "warp.pth")
    torch.save(published_checkpoint("gen"), folder / "gen.pth")
    return folder


def import_into(folder, checkpoints, dialect="official", warp="warp.pth"):
    arguments = ["import-weights", "--warp", str(checkpoints / warp), "--gen", str(checkpoints / "gen.pth")]
    return CliRunner().invoke(main, [*arguments, "--dialect", dialect, "-o", str(folder)])


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["official", "lzhms"])
def test_imported_weights_give_the_look_of_the_published_network(checkpoints, tmp_path, dialect):
    folder = tmp_path / "imported"
    result = import_into(folder, checkpoints, dialect)
    assert result.exit_code == 0, result.output
    assert "dropped aflow_net.weight" in result.output

    layout = open_layout(shared("viton"))
    pair = read_pairs(shared("viton/val_pairs_unpaired.txt"))[0]
    paths = layout.person_path(pair.person), layout.garment_path(pair.garment), layout.garment_mask_path(pair.garment)
    person, garment = (torch.from_numpy(read(path).copy()).permute(2, 0, 1)[None] / 127.5 - 1 for path in paths[:2])
    mask = torch.from_numpy((read(paths[2])[..., 0] > 127).astype(np.float32))[None, None]
    with torch.no_grad():
        expected = parity_network(dialect)(person, garment, mask).look[0].permute(1, 2, 0).numpy()
    expected = (expected + 1) * 127.5

    looks = {backend: TryOn.load(folder, backend=backend)(*paths, size="model").image for backend in BACKENDS}
    for backend, look in looks.items():
        assert np.abs(look - expected).max() <= 2, backend
    out = tmp_path / "out.png"
    arguments = ["try", *map(str, paths[:2]), "--mask", str(paths[2]), "--weights", str(folder), "--size", "model"]
    assert CliRunner().invoke(main, [*arguments, "-o", str(out)]).exit_code == 0
    np.testing.assert_array_equal(read(out), looks["openvino"])


def test_mismatched_tensors_are_listed_and_nothing_is_written(checkpoints, tmp_path):
    warp = torch.load(checkpoints / "warp.pth", weights_only=True)
    del warp["module.cond_FPN.smooth.2.bias"]
    warp["module.image_FPN.smooth.0.bias"] = torch.zeros(7)
    warp["module.surprise"] = torch.zeros(1)
    torch.save(warp, checkpoints / "broken.pth")
    before = sorted(tmp_path.iterdir())
    result = import_into(tmp_path / "new", checkpoints, warp="broken.pth")
    assert result.exit_code == 2
    for words in ("missing: cond_FPN.smooth.2.bias;", "extra: module.surprise", "found (7,), need (256,)"):
        assert words in result.output
    assert sorted(tmp_path.iterdir()) == before
