"""Tests of the runtimes: compilation cache, throughput mode, damaged weights, and threads."""

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


def test_compiled_graphs_are_cached_and_reused(small_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    case = drawn_cases(1, 256, 192)[0]
    first = look(OpenVinoRunner.from_weights(small_weights), case)
    kept = sorted(path for path in tmp_path.rglob("*.blob"))
    assert len(kept) == 3
    runner = OpenVinoRunner.from_weights(small_weights)
    assert all(compiled.get_property("LOADED_FROM_CACHE") for compiled in runner.compiled.values())
    np.testing.assert_array_equal(look(runner, case), first)
    assert sorted(tmp_path.rglob("*.blob")) == kept


def test_truncated_cache_does_not_change_the_look(small_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    case = drawn_cases(1, 256, 192)[0]
    first = look(OpenVinoRunner.from_weights(small_weights), case)
    for path in tmp_path.rglob("*.blob"):
        path.write_bytes(path.read_bytes()[:1000])
    np.testing.assert_array_equal(look(OpenVinoRunner.from_weights(small_weights), case), first)


def test_looks_work_without_a_writable_cache(small_weights, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert store.cache_folder("compiled") is None
    assert look(OpenVinoRunner.from_weights(small_weights), drawn_cases(1, 256, 192)[0]).shape == (256, 192, 3)


def test_throughput_mode_gives_the_same_looks(small_weights):
    cases = drawn_cases(3, 256, 192)
    expected = [look(OpenVinoRunner.from_weights(small_weights), case) for case in cases]
    runner = OpenVinoRunner.from_weights(small_weights, mode="throughput")
    assert runner.streams >= 1
    with ThreadPoolExecutor(4) as pool:
        for index, found in enumerate(pool.map(lambda case: look(runner, case), cases * 3)):
            assert np.abs(found.astype(int) - expected[index % 3]).max() <= 1


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_damaged_weights_raise_an_error_on_loading(small_weights, tmp_path, backend):
    copy = shutil.copytree(small_weights.folder, tmp_path / "copy")
    for name in ("person.bin", "network.safetensors"):
        with (copy / name).open("r+b") as stream:
            stream.seek(600)
            stream.write(b"????")
    with pytest.raises(WeightsError, match="checksum"):
        TryOn.load(copy, backend)


def test_compilation_works_without_cache_if_its_files_disappear(small_weights, tmp_path, monkeypatch):
    """If another process deletes a cached file, compilation fails and is repeated without a cache."""
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


def test_concurrent_first_dtype_lookups_do_not_deadlock():
    """Eight threads start OpenVINO's first dtype lookup at once. OpenVINO looks up a dtype for every input."""
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
