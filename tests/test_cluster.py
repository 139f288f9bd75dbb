"""Tests of batch runs on a Ray cluster with two nodes on this machine."""

import random

import numpy as np
import pytest
from pyarrow import parquet

from fitroom import TryOn
from fitroom.batch.job import BatchConfig, run_batch
from fitroom.batch.pairs import cross_product
from fitroom.data.synthetic import samples
from fitroom.errors import InputError
from fitroom.photo import decode
from fitroom.photo.encode import save_picture

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

from fitroom.batch.cluster import on_ray  # noqa: E402

pytestmark = pytest.mark.slow
MEMORY = 120 * 2**20


@pytest.fixture
def cluster():
    """A head node without cores, and two nodes with one core each."""
    opened = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": MEMORY})
    nodes = [opened.add_node(num_cpus=1, object_store_memory=MEMORY) for _ in range(2)]
    opened.wait_for_nodes()
    yield opened, nodes
    ray.shutdown()
    opened.shutdown()


def test_a_run_finishes_every_pair_after_a_node_dies(cluster, tmp_path):
    opened, nodes = cluster
    for kind in ("persons", "garments"):
        (tmp_path / kind).mkdir()
    for number, sample in enumerate(samples(12, seed=4)):
        save_picture(sample.photo.image, tmp_path / "persons" / f"p{number}.png")
        save_picture(sample.garment, tmp_path / "garments" / f"g{number}.png")
    pairs = cross_product(str(tmp_path / "persons"), str(tmp_path / "garments"))
    done = []

    def advance(count):
        done.append(count)
        if len(done) == 3:
            opened.remove_node(nodes[0], allow_graceful=False)

    out = tmp_path / "out"
    summary = run_batch(pairs, BatchConfig(str(out)), on_ray(opened.address), lambda *_: None, advance)
    assert (summary.done, summary.failed) == (144, 0)
    assert sum(done) == 144
    rows = parquet.read_table(out / "results.parquet").to_pylist()
    assert len({row["path"] for row in rows}) == len(rows) == 144
    written = sorted(str(path.relative_to(out / "looks")) for path in (out / "looks").rglob("*") if path.is_file())
    assert written == sorted(row["path"] for row in rows)
    tryon = TryOn.load()
    for row in random.Random(0).sample(rows, 20):
        expected = tryon(row["person"], row["garment"]).image
        np.testing.assert_array_equal(decode.read(out / "looks" / row["path"]), expected)
    again = run_batch(pairs, BatchConfig(str(out)), on_ray(opened.address), lambda *_: None, advance)
    assert (again.before, again.done) == (144, 0)


def test_unreachable_clusters_are_refused_with_a_hint():
    for address in ("127.0.0.1:1", "nowhere", "auto"):
        with pytest.raises(InputError, match="ray start --head"):
            on_ray(address)
