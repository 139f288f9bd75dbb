"""Make the weights that ship, and write what `fitroom evaluate` measures of them into their manifest.

From the project's root: ship_weights.py FROM VERSION PRECISION DATA, with FROM a weights folder that holds tensors and
DATA the VITON folder that calibrates and measures.
"""

import sys
from pathlib import Path

from fitroom.compress.quantize import quantizer
from fitroom.evaluate.evaluate import evaluate
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.systems import open_system
from fitroom.export.cases import Cases, read_cases
from fitroom.export.weights import ExportConfig, Origin, export_network
from fitroom.hardware import hardware, versions
from fitroom.nets.registry import load_network
from fitroom.store import MANIFEST, Measurement, open_weights

TARGET = Path("src/fitroom/weights/lite")
LISTS = "val_pairs_unpaired.txt", "val_pairs_paired.txt"
KEPT = "swap_back_ssim", "swap_back_lead", "retrieval_top1", "retrieval_top5", "outside_change", "warp_iou", "warp_l1"


def main(source: str, version: str, precision: str, data: str) -> None:
    weights = open_weights(source)
    manifest = weights.manifest
    origin = Origin("lite", version, manifest.training_data, manifest.terms, manifest.history)
    cases = Cases(read_cases(data, LISTS[0], 8, 256, 192), read_cases(data, "train_pairs.txt", 128, 256, 192))
    config = ExportConfig(precision=precision, half_tensors=True)
    exported = export_network(
        load_network(weights),
        TARGET,
        origin,
        config,
        cases,
        step=print,
        quantize=quantizer() if precision == "int8" else None,
    )
    print(exported.difference)
    plan = make_plan(data, *(f"{data}/{name}" for name in LISTS))
    result = evaluate(open_system(TARGET), plan)
    command = f"fitroom evaluate --data {data} --pairs {data}/{LISTS[0]} --paired {data}/{LISTS[1]}"
    measured = f"{LISTS[0]} and {LISTS[1]}, VITON, cleaned: 300 validation persons"
    metrics = [
        Measurement(
            metric=name,
            value=round(result.figures[name], 6),
            data=measured,
            command=command,
            hardware=hardware(),
            versions=versions(),
        )
        for name in KEPT
    ]
    for metric in metrics:
        print(f"{metric.metric:16} {metric.value}")
    complete = exported.weights.manifest.model_copy(update={"metrics": metrics})
    (TARGET / MANIFEST).write_text(complete.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
