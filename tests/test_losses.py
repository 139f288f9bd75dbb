"""Tests of losses on small cases with known values."""

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from fitroom.evaluate.pretrained import open_lpips
from fitroom.nets.lite import identity_grid
from fitroom.train.tasks import losses


def test_charbonnier_and_smoothness_have_known_values():
    assert losses.charbonnier(torch.zeros(())).item() == pytest.approx(1e-6**0.45)
    assert losses.charbonnier(torch.tensor(2.0)).item() == pytest.approx(4**0.45, rel=1e-3)
    grid, everywhere = identity_grid(torch.zeros(1, 1, 8, 6)), torch.ones(1, 1, 8, 6)
    flat = losses.second_order_smoothness(grid, everywhere)
    assert flat.item() == pytest.approx(1e-6**0.45, rel=1e-2)
    bent = grid.clone()
    bent[:, :, 4, 3] += 0.5
    assert losses.second_order_smoothness(bent, everywhere) > 10 * flat
    nowhere = losses.second_order_smoothness(bent, everywhere * 0)
    assert nowhere.item() == pytest.approx(losses.UNSEEN * losses.second_order_smoothness(bent, everywhere).item())
    # the garment's outline lowers the weight of the pixels next to it, but not that of the bend
    outline = everywhere.clone()
    outline[..., 7:, :] = 0
    assert nowhere < losses.second_order_smoothness(bent, outline) < losses.second_order_smoothness(bent, everywhere)


def test_warp_losses_vanish_for_a_perfect_warp():
    garment, mask = torch.rand(1, 3, 16, 12), torch.ones(1, 1, 16, 12)
    values = losses.warp_losses(identity_grid(garment), garment, mask, garment, mask)
    assert values["garment"] < 1e-6
    assert values["mask"] < 1e-6
    shifted = losses.warp_losses(identity_grid(garment) + 0.5, garment, mask, garment, mask)
    assert shifted["garment"] > 0.05
    half = losses.warp_losses(identity_grid(torch.zeros(1, 1, 8, 6)), garment, mask, garment, mask * 0)
    assert half["mask"] == pytest.approx(1.0)


def test_warp_losses_compare_only_known_pixels_of_the_photo():
    garment, mask, known = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32), torch.ones(1, 1, 32, 32)
    known[..., 16:] = 0
    photo = garment.clone()
    photo[..., 16:] = -1
    for grid in (identity_grid(garment), identity_grid(torch.zeros(1, 1, 16, 16))):
        assert losses.warp_losses(grid, garment, mask, photo, mask)["garment"] > 0.05
        told = losses.warp_losses(grid, garment, mask, photo, mask, known=known)
        assert told["garment"] < 1e-6
        assert losses.warp_losses(grid, garment, mask, photo, mask * known)["mask"] == pytest.approx(0.5)
        assert losses.warp_losses(grid, garment, mask, photo, mask * known, known=known)["mask"] < 1e-6
    assert losses.colour_means_difference(identity_grid(garment), garment, mask, photo, mask, known=known) < 1e-6
    assert losses.colour_means_difference(identity_grid(garment), garment, mask, photo, mask) > 0.05


def test_colour_means_difference_ignores_shifts_within_a_window():
    garment, mask = torch.full((1, 3, 32, 32), -1.0), torch.ones(1, 1, 32, 32)
    garment[..., 9:11, 9:15] = 1
    here = identity_grid(garment)
    blank = torch.full_like(garment, -1.0)
    vanished = losses.colour_means_difference(here, blank, mask, garment, mask)
    # 12 of 1024 pixels are off by 2
    assert vanished.item() == pytest.approx(2 * 12 / 1024)
    moved = garment.roll(3, dims=2)
    assert losses.colour_means_difference(here, moved, mask, garment, mask) < 1e-6
    assert losses.warp_losses(here, moved, mask, garment, mask)["garment"] > 1.5 * vanished


def test_gradient_difference_of_a_step_has_its_known_value():
    a, b = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    assert losses.gradient_difference(a, b) == 0
    b[..., 4:] = 2
    # at three scales, one column of differences is 1: of 7, of 3 and of 1 columns
    assert losses.gradient_difference(a, b).item() == pytest.approx(1 / 7 + 1 / 3 + 1)


def test_structural_dissimilarity_agrees_with_torchmetrics():
    grey, white = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    value = losses.structural_dissimilarity(grey, white)
    assert value.shape == (1, 3, 8, 8)
    assert value.mean().item() == pytest.approx(1 - (2 * 0.5 + 1e-4) / (0.5**2 + 1 + 1e-4), abs=1e-5)
    assert losses.structural_dissimilarity(white, white).abs().max() < 1e-6
    a, b = (torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(seed)) * 2 - 1 for seed in (0, 1))
    settings = {"gaussian_kernel": False, "kernel_size": 7, "data_range": 1.0, "return_full_image": True}
    _, expected = structural_similarity_index_measure((a + 1) / 2, (b + 1) / 2, **settings)
    ours, theirs = losses.structural_dissimilarity(a, b), 1 - expected[..., ::2, ::2]
    assert torch.allclose(ours[..., 3:-3, 3:-3], theirs[..., 3:-3, 3:-3], atol=1e-3)


def test_perceptual_distance_ignores_samples_of_weight_zero(tmp_path):
    class MeanColour(torch.nn.Module):
        def forward(self, img: torch.Tensor, resize_images: bool, return_lpips: bool) -> torch.Tensor:
            return img.mean(dim=[2, 3])

    torch.jit.script(MeanColour()).save(str(tmp_path / "mean.pt"))
    network = open_lpips(str(tmp_path / "mean.pt"))
    look = torch.zeros(2, 3, 8, 8, requires_grad=True)
    photo = torch.full((2, 3, 8, 8), 2 / 127.5)
    value = losses.perceptual_distance(network, look, photo, torch.tensor([1.0, 0.0]))
    assert value.item() == pytest.approx(3 * 2**2 / 2, rel=1e-4)
    value.backward()
    assert (look.grad[0] < 0).all()
    assert not look.grad[1].any()


def test_change_target_covers_differences_and_the_worn_garment():
    photo, fake = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    worn = torch.zeros(1, 1, 32, 32)
    fake[:, :, 4:10, 4:10] = 1
    fake[:, :, 20, 4] = 1  # a lone pixel is noise
    worn[:, :, 20:25, 20:25] = 1
    target = losses.change_target(fake, photo, worn)[0, 0]
    assert target[2:12, 2:12].all()
    assert target[18:27, 18:27].all()
    assert not target[20, :8].any()
    assert target.sum() < 300


def test_cross_entropy_equals_pytorchs_and_is_bounded():
    probability, target = torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4)
    wanted = torch.nn.functional.binary_cross_entropy(probability, target, reduction="none")
    assert torch.allclose(losses.cross_entropy(probability, target), wanted, atol=1e-5)
    rounded = losses.cross_entropy(torch.tensor([0.0, 1.0], dtype=torch.bfloat16), torch.tensor([1.0, 0.0]))
    assert torch.allclose(rounded, torch.tensor(1e4).log().expand(2), rtol=1e-4)
