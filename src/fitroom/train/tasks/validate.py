"""The warp of a network in training, measured on persons it never saw, in their own garments."""

import torch

from fitroom.evaluate.metrics import mask_iou, mean_difference
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.sampling import sample
from fitroom.train.batches import Batch, Batches
from fitroom.train.tasks.stages import StageConfig, view


@torch.no_grad()
def validate(network: TryOnNetwork, stage: StageConfig, batches: Batches) -> dict[str, float]:
    """Warp IoU and L1 as `fitroom evaluate` has them, over every sample of `batches` once; see evaluate/measures.py.

    The network should be in evaluation mode, the batches without changes, and their samples a multiple of the batch.
    """
    overlap, difference = [], []
    for step in range(batches.count // batches.size):
        batch = batches.of_step(step)
        features = network.person_features(view(stage, batch))
        flow = network.flows(features, network.garment_features(batch.garment, batch.garment_mask))[-1]
        mask = sample(batch.garment_mask, flow, network.align_corners, padding="zeros") > 0.5
        warped = pictures(sample(batch.garment, flow, network.align_corners))
        photos, worn = pictures(batch.photo), (batch.worn > 0.5).cpu().numpy()[:, 0]
        for row, covers in enumerate(mask.cpu().numpy()[:, 0]):
            overlap.append(mask_iou(covers, worn[row]))
            difference.append(mean_difference(warped[row], photos[row], covers & worn[row]))
    return {"warp_iou": sum(overlap) / len(overlap), "warp_l1": sum(difference) / len(difference)}


def pictures(tensor: torch.Tensor):  # type: ignore[no-untyped-def]
    """(N, 3, H, W) in [-1, 1] to uint8 (N, H, W, 3)."""
    return ((tensor + 1) * 127.5 + 0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def shown_batch(network: TryOnNetwork, stage: StageConfig, batch: Batch) -> torch.Tensor:
    """A sheet of a batch, (3, H, W) in [0, 1]: what the network is shown, garment, warped garment, look, photo."""
    person = view(stage, batch)
    with torch.no_grad():
        features = network.person_features(person)
        flow = network.flows(features, network.garment_features(batch.garment, batch.garment_mask))[-1]
        dressed = network.generate(person, batch.garment, batch.garment_mask, flow, features)
        warped = sample(batch.garment, flow, network.align_corners) * dressed.warped_mask
    columns = [person[:, :3], batch.garment * batch.garment_mask, warped]
    columns += [dressed.look, batch.photo] if stage.whole else [batch.photo]
    rows = torch.cat([column.float()[:6] for column in columns], dim=3)  # each row a sample
    return ((torch.cat(list(rows), dim=1) + 1) / 2).clamp(0, 1).cpu()
