"""Runtimes beyond what a look needs: kept compilations, modes, threads."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fitroom import store
from fitroom.errors import WeightsError
from fitroom.export.cases import drawn_cases
from fitroom.export.parity import look
from fitroom.runtime.openvino import OpenVinoRunner, ov
from fitroom.tryon import TryOn


def test_compiled_graphs_are_kept_and_used(small_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    case = drawn_cases(1, 256, 192)[0]
    first = look(OpenVinoRunner.from_weights(small_weights), case)
    kept = sorted(path for path in tmp_path.rglob("*.blob"))
    assert len(kept) == 3
    runner = OpenVinoRunner.from_weights(small_weights)
    assert all(compiled.get_property("LOADED_FROM_CACHE") for compiled in runner.compiled.values())
    np.testing.assert_array_equal(look(runner, case), first)
    assert sorted(tmp_path.rglob("*.blob")) == kept


def test_a_cache_cut_short_is_made_again(small_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    case = drawn_cases(1, 256, 192)[0]
    first = look(OpenVinoRunner.from_weights(small_weights), case)
    for path in tmp_path.rglob("*.blob"):
        path.write_bytes(path.read_bytes()[:1000])
    np.testing.assert_array_equal(look(OpenVinoRunner.from_weights(small_weights), case), first)


def test_no_cache_where_none_can_be(small_weights, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert store.cache_folder("compiled") is None
    assert look(OpenVinoRunner.from_weights(small_weights), drawn_cases(1, 256, 192)[0]).shape == (256, 192, 3)


def test_throughput_gives_the_same_looks(small_weights):
    cases = drawn_cases(3, 256, 192)
    expected = [look(OpenVinoRunner.from_weights(small_weights), case) for case in cases]
    runner = OpenVinoRunner.from_weights(small_weights, mode="throughput")
    assert runner.streams >= 1
    with ThreadPoolExecutor(4) as pool:
        for index, found in enumerate(pool.map(lambda case: look(runner, case), cases * 3)):
            assert np.abs(found.astype(int) - expected[index % 3]).max() <= 1


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_damage_is_found_before_anything_runs(small_weights, tmp_path, backend):
    copy = shutil.copytree(small_weights.folder, tmp_path / "copy")
    for name in ("person.bin", "network.safetensors"):
        with (copy / name).open("r+b") as stream:
            stream.seek(600)
            stream.write(b"????")
    with pytest.raises(WeightsError, match="checksum"):
        TryOn.load(copy, backend)


def test_a_cache_that_another_process_takes_away(small_weights, tmp_path, monkeypatch):
    """Compiling fails where a kept file is gone at once; then it is done without a cache."""
    case = drawn_cases(1, 256, 192)[0]
    expected = look(OpenVinoRunner.from_weights(small_weights), case)
    compile_model, failed = ov.Core.compile_model, []

    def taken_away(self, *arguments):
        if self.get_property("CACHE_DIR"):
            failed.append(True)
            raise RuntimeError("filesystem error: cannot set permissions: No such file or directory")
        return compile_model(self, *arguments)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(ov.Core, "compile_model", taken_away)
    np.testing.assert_array_equal(look(OpenVinoRunner.from_weights(small_weights), case), expected)
    assert failed


def test_threads_that_begin_together_do_not_lock_each_other_out():
    """Eight threads that all are the first to ask OpenVINO for a dtype, which it looks up for each input."""
    program = """
import sys, threading
from fitroom.runtime.openvino import ov
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
def ask():
    together.wait()
    ov.Type.f32.to_dtype()
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
