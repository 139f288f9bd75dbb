"""Tests of the discriminator and its losses: gradients, weights, and sharp against blurred pictures."""

import pytest
import torch
import torch.nn.functional as F

from fitroom.train.adversary import Adversary, Discriminator


@pytest.fixture
def adversary():
    torch.manual_seed(0)
    return Adversary()


def stripes(count, seed):
    """Draw pictures of sharp stripes."""
    generator = torch.Generator().manual_seed(seed)
    rows = (torch.rand(count, 3, 1, 16, generator=generator) > 0.5).float().repeat_interleave(4, dim=-1)
    return (rows * 2 - 1).expand(-1, -1, 64, -1).contiguous()


def test_discriminator_returns_one_verdict_per_eight_by_eight_pixels():
    *_, verdict = Discriminator()(torch.zeros(2, 3, 64, 48))
    assert verdict.shape == (2, 1, 8, 6)


def test_each_loss_trains_only_its_own_network(adversary):
    look = stripes(2, 1).requires_grad_()
    values = adversary(look, stripes(2, 2), torch.ones(2, 1, 64, 64))
    parameters = list(adversary.parameters())
    for name in ("adversarial", "matching"):
        to_look, *to_parameters = torch.autograd.grad(
            values[name], [look, *parameters], retain_graph=True, allow_unused=True
        )
        assert to_look.abs().sum() > 0, name
        assert all(gradient is None for gradient in to_parameters), name
    to_look, *to_parameters = torch.autograd.grad(values["discriminator"], [look, *parameters], allow_unused=True)
    assert to_look is None
    assert sum(gradient.abs().sum() for gradient in to_parameters) > 0


def test_adversarial_loss_ignores_patches_of_weight_zero(adversary):
    look = stripes(2, 1).requires_grad_()
    where = torch.zeros(2, 1, 64, 64)
    assert adversary(look, stripes(2, 2), where)["adversarial"] == 0
    where[0, :, :8, :8] = 1
    (gradient,) = torch.autograd.grad(adversary(look, stripes(2, 2), where)["adversarial"], look)
    assert gradient[0, :, :8, :8].abs().sum() > 0
    assert gradient[0, :, 40:].abs().sum() == 0
    assert gradient[1].abs().sum() == 0


def test_discriminator_learns_to_score_sharp_pictures_above_blurred_ones(adversary):
    optimiser = torch.optim.Adam(adversary.parameters(), 2e-3, betas=(0.5, 0.99))
    everywhere = torch.ones(4, 1, 64, 64)

    def blurred(pictures):
        return F.avg_pool2d(pictures, 9, 1, 4, count_include_pad=False)

    for step in range(40):
        photo = stripes(4, step)
        loss = adversary(blurred(photo), photo, everywhere)["discriminator"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    unseen = stripes(8, 1000)
    told = adversary.eval().discriminator
    assert told(unseen)[-1].mean() > told(blurred(unseen))[-1].mean() + 0.5


def test_matching_loss_vanishes_only_for_equal_pictures(adversary):
    photo = stripes(2, 1)
    adversary.eval()
    assert adversary(photo, photo, torch.ones(2, 1, 64, 64))["matching"] < 1e-5
    assert adversary(-photo, photo, torch.ones(2, 1, 64, 64))["matching"] > 0.01


def test_looks_without_a_matching_photo_are_judged_but_not_matched(adversary):
    adversary.eval()  # in training mode, spectral norm updates its estimate in every call
    look, photo, where = stripes(2, 1), stripes(2, 2), torch.ones(2, 1, 64, 64)
    first, both = (adversary(look, photo, where, torch.tensor([1.0, like]).view(2, 1, 1, 1)) for like in (0.0, 1.0))
    assert both["matching"].item() == pytest.approx(adversary(look, photo, where)["matching"].item())
    assert first["matching"].item() == pytest.approx(adversary(look[:1], photo[:1], where[:1])["matching"].item() / 2)
    assert first["adversarial"] == both["adversarial"]


def test_discriminator_ignores_photos_that_their_look_should_not_match(adversary):
    """Real and fake pictures count the same, even if only few looks have a photo that they should match."""
    adversary.eval()
    look, where, alike = stripes(2, 1), torch.ones(2, 1, 64, 64), torch.tensor([1.0, 0.0]).view(2, 1, 1, 1)
    photo, other = stripes(2, 2), stripes(2, 3)
    other[0] = photo[0]
    values = [adversary(look, real, where, alike)["discriminator"].item() for real in (photo, other)]
    assert values[0] == pytest.approx(values[1])
    twice = adversary(look, photo[:1].expand(2, -1, -1, -1), where)["discriminator"].item()
    assert values[0] == pytest.approx(twice)
    # a third sample of weight 0 only adds to the number of samples in the means
    three = [torch.cat([tensor, tensor[:1]]) for tensor in (look, photo, where, alike)]
    three[2][2] = 0
    assert adversary(*three)["discriminator"].item() == pytest.approx(values[0] * 2 / 3)
