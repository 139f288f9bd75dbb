"""Tests of training on two nodes with torchrun: two connected network namespaces, or two local addresses."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from lightning_fabric import Fabric

from fitroom.train.checkpoint import load
from test_loop import check_same_gradients, gradients

pytestmark = pytest.mark.slow
PORT = str(20_000 + os.getpid() % 10_000)  # differs between test processes that run in parallel
GRADIENTS = """
import sys
sys.path.insert(0, sys.argv[1])
from lightning_fabric import Fabric
from test_loop import gradients
fabric = Fabric(accelerator="cpu", devices=1, num_nodes=2, strategy="ddp", precision="64-true")
fabric.launch()
gradients(fabric, sys.argv[2], "pf_generator", sys.argv[3])
"""


@dataclass(frozen=True)
class Machine:
    """A machine, or a network namespace, that runs commands."""

    address: str
    interface: str
    enter: tuple[str, ...] = ()  # prefix of every command

    def start(self, rank, leader, output, *arguments):
        """Start one of two nodes with torchrun."""
        torchrun = [
            *self.enter,
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nnodes",
            "2",
            "--nproc-per-node",
            "1",
            "--node-rank",
            str(rank),
            "--master-addr",
            leader.address,
            "--master-port",
            PORT,
            "--local-addr",
            self.address,
        ]
        environment = os.environ | {"GLOO_SOCKET_IFNAME": self.interface, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([*torchrun, *map(str, arguments)], env=environment, stdout=output, stderr=output)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def machines():
    """Two machines that can reach each other."""
    names = [f"fitroom-{os.getpid()}-{number}" for number in range(2)]
    cables = [f"fit{os.getpid()}{end}"[-15:] for end in "ab"]
    made = []
    try:
        for name in names:
            ip("netns", "add", name)
            made.append(name)
        ip("link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
        found = []
        for number, (name, cable) in enumerate(zip(names, cables, strict=True), start=1):
            ip("link", "set", cable, "netns", name)
            ip("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", cable)
            for interface in ("lo", cable):
                ip("-n", name, "link", "set", interface, "up")
            found.append(Machine(f"10.77.0.{number}", cable, ("ip", "netns", "exec", name)))
        yield found
    except (OSError, subprocess.CalledProcessError):
        # without permission to create namespaces, use two local addresses
        yield [Machine(f"127.0.0.{number}", "lo") for number in (1, 2)]
    finally:
        for name in made:
            ip("netns", "delete", name)


def family(pid):
    """List a process and its descendants. The workers of torchrun run in their own sessions."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(found for child in children for found in family(int(child)))]


def end(*nodes):
    """Kill all processes of the nodes, like a power failure."""
    for node in nodes:
        for pid in family(node.pid) if node.poll() is None else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()


def test_two_nodes_compute_the_same_gradients_as_one(machines, figures, tmp_path):
    gradients(Fabric(accelerator="cpu", devices=1, precision="64-true"), figures, "pf_generator", tmp_path / "one.pt")
    script = tmp_path / "gradients.py"
    script.write_text(GRADIENTS)
    with (tmp_path / "output").open("w+") as output:
        nodes = [
            machine.start(rank, machines[0], output, script, Path(__file__).parent, figures, tmp_path / "two.pt")
            for rank, machine in enumerate(machines)
        ]
        try:
            codes = [node.wait(120) for node in nodes]
        finally:
            end(*nodes)
        output.seek(0)
        assert codes == [0, 0], output.read()
    check_same_gradients(tmp_path / "one.pt", tmp_path / "two.pt")


def begin_training(machines, figures, work, outputs, *settings):
    """Start training on two nodes, and wait for the first checkpoint."""
    nodes = [
        machine.start(
            rank,
            machines[0],
            output,
            "-m",
            "fitroom",
            "train",
            "pb_warp",
            "--data",
            figures,
            "--work",
            work,
            "--config",
            "debug",
            "--nodes",
            2,
            "--set",
            "loop.steps=100000",
            "--set",
            "loop.checkpoint_minutes=0",
            *settings,
        )
        for rank, (machine, output) in enumerate(zip(machines, outputs, strict=True))
    ]
    deadline = time.monotonic() + 120
    while load(work / "pb_warp") is None and time.monotonic() < deadline and all(n.poll() is None for n in nodes):
        time.sleep(0.2)
    return nodes


@pytest.mark.parametrize("rank", [0, 1])
def test_surviving_node_exits_with_a_message_and_the_checkpoint_remains(machines, figures, tmp_path, rank):
    """The surviving node reports the loss and exits with an error. The checkpoint is kept."""
    work = tmp_path / "work"
    with (tmp_path / "0").open("w+") as first, (tmp_path / "1").open("w+") as second:
        outputs = (first, second)
        nodes = begin_training(machines, figures, work, outputs)
        try:
            end(nodes[rank])
            code = nodes[1 - rank].wait(60)
        finally:
            end(*nodes)
        outputs[1 - rank].seek(0)
        told = outputs[1 - rank].read()
    assert code
    assert "another process of this run was lost" in told, told
    assert "--resume" in told
    done = load(work / "pb_warp").step
    assert done > 0


def test_both_nodes_exit_with_a_message_when_the_connection_is_lost(machines, figures, tmp_path):
    """Neither node is notified that the other is gone. Both report it after a timeout."""
    if not machines[1].enter:
        pytest.skip("needs the right to make network namespaces")
    work = tmp_path / "work"
    with (tmp_path / "0").open("w+") as first, (tmp_path / "1").open("w+") as second:
        nodes = begin_training(machines, figures, work, (first, second), "--set", "loop.lost_minutes=0.2")
        try:
            ip("-n", machines[1].enter[-1], "link", "set", machines[1].interface, "down")
            codes = [node.wait(90) for node in nodes]
        finally:
            end(*nodes)
        for code, output in zip(codes, (first, second), strict=True):
            output.seek(0)
            told = output.read()
            assert code
            assert "another process of this run was lost" in told, told
    assert load(work / "pb_warp").step > 0
