"""Tests of the container files: commands, files, probes and rights."""

import json
import re
from pathlib import Path

import pytest
import yaml

import fitroom
from fitroom.cli import main
from fitroom.serve.settings import ServeConfig, check_bind

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
KUBERNETES = list(yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text()))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["fitroom"]
CONTAINER = KUBERNETES[0]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("arguments", [json.loads(re.search(r"^CMD (\[.*)$", DOCKERFILE, re.M)[1]), CONTAINER["args"]])
def test_container_commands_are_valid_and_require_keys(arguments):
    assert arguments[0] == "serve"
    given = main.commands["serve"].make_context("serve", arguments[1:]).params
    assert given["data_dir"] == "/data"
    assert not given["insecure"]
    check_bind(given["host"], ServeConfig(api_keys=Path(given["api_keys"])), insecure=False)


def test_containers_run_with_minimal_rights():
    assert re.search(r"^USER 10001$", DOCKERFILE, re.M)
    assert COMPOSE["read_only"]
    assert COMPOSE["cap_drop"] == ["ALL"]
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"]
    assert KUBERNETES[0]["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
    assert {"memory", "cpu"} <= set(CONTAINER["resources"]["limits"])


def test_probes_use_paths_that_the_service_answers(tmp_path):
    probes = [CONTAINER[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
    paths = re.findall(r'@app\.get\("(/\w+)"', (ROOT / "src/fitroom/serve/app.py").read_text())
    assert set(probes) <= set(paths)
    assert "/readyz" in DOCKERFILE


def test_files_copied_into_the_image_exist_and_are_not_ignored():
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.M)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
        assert f"!{name}\n" in (ROOT / ".dockerignore").read_text()


def test_kubernetes_image_has_the_version_of_the_package():
    assert CONTAINER["image"] == f"fitroom:{fitroom.__version__}"
