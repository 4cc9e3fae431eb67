import dataclasses
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from rlctl import catalog
from rlctl.actions import device_check as action
from rlctl.actions.device_check import Report, device_check
from rlctl.actions.device_checks import frameworks, machine, output, runner, simulation, worker
from rlctl.actions.device_checks.base import ROWS, Check, Finding
from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl

shell = pytest.mark.skipif(os.name == "nt", reason="a shell script, a signal")


def rows(*names, **changes):
    return [dataclasses.replace(row, **changes) for row in ROWS if row.name in names]


def check(name="jax", status="pass", needed=True, value=None, hint=""):
    return Check(name, status, 0.1, value, f"about {name}", hint, needed)


class TestTheList:
    def test_every_check_is_there_once(self):
        names = [row.name for row in ROWS]
        assert len(set(names)) == len(names) == 19
        for row in ROWS:
            assert callable(catalog.load(f"rlctl.actions.device_checks.{row.target}"))

    def test_it_loads_no_framework(self):
        script = """
import sys
import rlctl.actions.device_check, rlctl.actions.device_checks.worker
print(sorted({"jax", "torch", "mujoco", "numpy"} & set(sys.modules)))
"""
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.stdout == "[]\n", done.stderr


class TestTheMachine:
    def test_packages_are_named_with_their_versions(self):
        found = machine.packages()
        assert found.status == "pass"
        assert {"jax", "torch", "mujoco", "mujoco-mjx", "safetensors"} <= set(found.value)
        assert f"numpy {np.__version__}" in found.detail

    def test_a_missing_package_is_named(self, monkeypatch):
        def version(name):
            if name == "torch":
                raise PackageNotFoundError(name)
            return "1.0.0"

        monkeypatch.setattr(machine, "version", version)
        found = machine.packages()
        assert (found.status, found.detail) == ("fail", "missing: torch")
        assert found.hint == f"{sys.executable} -m pip install torch"

    def test_mujoco_and_mjx_must_match(self, monkeypatch):
        monkeypatch.setattr(
            machine, "version", lambda name: {"mujoco-mjx": "3.16.2"}.get(name, "3.17.0")
        )
        found = machine.packages()
        assert found.status == "fail"
        assert found.hint == f"{sys.executable} -m pip install 'mujoco-mjx==3.17.*'"

    def test_memory(self, monkeypatch):
        found = machine.memory()
        assert 0 < found.value["free"] <= found.value["total"]
        assert found.value["cores"] >= 1
        monkeypatch.setattr(machine, "_memory", lambda: (8 * 2**30, 2**30))
        low = machine.memory()
        assert (low.status, low.value["used"]) == ("warn", 7 * 2**30)
        assert "--num-envs" in low.hint

    def test_a_container_limits_memory(self, monkeypatch):
        files = {
            "/proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable: 6291456 kB\n",
            "/sys/fs/cgroup/memory.max": f"{4 * 2**30}\n",
            "/sys/fs/cgroup/memory.current": f"{3 * 2**30}\n",
        }
        monkeypatch.setattr(machine.Path, "read_text", lambda path: files[path.as_posix()])
        assert machine._memory() == (4 * 2**30, 2**30)
        files["/sys/fs/cgroup/memory.max"] = "max\n"
        assert machine._memory() == (8 * 2**30, 6 * 2**30)

    def test_without_a_gpu(self, monkeypatch):
        monkeypatch.setattr(machine.shutil, "which", lambda name: None)
        assert machine.gpu().status == "skip"

    @shell
    @pytest.mark.parametrize(
        ("says", "missing", "status", "words"),
        [
            (
                "echo 'NVIDIA A100, 570.1, 40960, 960, 40000'",
                None,
                "pass",
                "40000 MiB free of 40960",
            ),
            ("echo 'GB10, 570.1, [N/A], [N/A], [N/A]'", None, "pass", "GB10, 0 MiB"),
            ("echo 'NVIDIA A100, 570.1, 9, 1, 8'", ("no CUDA", "pip install"), "warn", "no CUDA"),
            ("echo 'driver mismatch'; exit 9", None, "fail", "driver mismatch"),
        ],
    )
    def test_with_nvidias_driver(self, monkeypatch, tmp_path, says, missing, status, words):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.setattr(machine, "gpu_missing", lambda: missing)
        found = machine.gpu()
        assert found.status == status
        assert words in found.detail


class TestArithmetic:
    @pytest.mark.parametrize(
        "check", [frameworks.jax_devices, frameworks.jax_matmul, frameworks.jax_gradient]
    )
    def test_jax_works_here(self, check):
        found = check()
        assert found.status == "pass", found
        assert found.detail

    def test_compiling_pays(self):
        found = frameworks.jax_jit()
        assert found.value["speedup"] > 0
        assert found.value["compile_seconds"] > 0

    def test_torch_works_here(self):
        assert frameworks.torch_devices().value["platform"] == "cpu"
        assert frameworks.torch_matmul().status == "pass"

    @pytest.mark.parametrize(("bits", "status"), [(23, "pass"), (10, "warn"), (7, "warn")])
    def test_reduced_precision_gives_a_warning(self, bits, status):
        """float32, TF32 and bfloat16 by the bits of their mantissas."""

        def rounded(x):
            drop = 23 - bits
            whole = x.view(np.uint32).astype(np.uint64) + ((1 << drop) >> 1)
            return (whole >> drop << drop).astype(np.uint32).view(np.float32)

        found = frameworks._check_product(lambda a, b: lambda: rounded(a) @ rounded(b))
        assert found.status == status
        assert ("TF32 or bfloat16" in found.hint) == (status == "warn")

    @pytest.mark.parametrize(
        "wrong", [lambda a, b: a @ b.T, lambda a, b: a * np.nan], ids=["transposed", "nan"]
    )
    def test_wrong_products_fail(self, wrong):
        found = frameworks._check_product(lambda a, b: lambda: wrong(a, b))
        assert found.status == "fail"


class TestPhysics:
    def test_native_is_mujoco(self):
        found = simulation.native()
        assert (found.status, found.value) == ("pass", 0.0)

    def test_jax_agrees_with_native(self):
        found = simulation.jax()
        assert found.status == "pass", found
        assert 0 <= found.value < 1e-4

    def test_disagreement_fails(self, monkeypatch):
        monkeypatch.setattr(
            simulation,
            "_observations",
            lambda physics, _: (np.full(3, float(physics == "jax")), 0.1),
        )
        found = simulation.jax()
        assert (found.status, found.value) == ("fail", 1.0)

    def test_warp_may_be_missing(self, monkeypatch):
        monkeypatch.setattr(simulation, "find_spec", lambda name: None)
        assert simulation.warp().status == "skip"

    def test_the_smallest_size_that_is_fast_is_recommended(self, monkeypatch):
        rates = {64: 100.0, 512: 950.0, 4096: 1000.0}
        monkeypatch.setattr(
            simulation, "_steps_per_second", lambda env, physics, size, _: rates[size]
        )
        found = simulation.throughput()
        assert found.value["num_envs"] == {"pendulum": 512}
        assert found.value["steps_per_second"] == {"pendulum": rates}
        assert "--num-envs 512" in found.detail

    def test_steps_are_counted(self):
        assert simulation._steps_per_second("pendulum", "native", 64, 0.05) > 64


class TestOutput:
    def test_a_checkpoint(self):
        found = output.checkpoint()
        assert found.status == "pass", found

    def test_a_flipped_bit_that_nobody_notices_fails(self, monkeypatch):
        monkeypatch.setattr(output, "_flip_bit", lambda file: None)
        assert output.checkpoint().status == "fail"

    def test_the_compile_cache(self, monkeypatch, tmp_path):
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
        assert output.compile_cache().status == "pass"
        assert list((tmp_path / "cache").iterdir()) == []
        (tmp_path / "file").touch()
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "file"))
        found = output.compile_cache()
        assert found.status == "warn"
        assert "JAX_COMPILATION_CACHE_DIR" in found.hint

    def test_a_frame(self):
        try:
            platform = gl.find()
        except RendererMissing as missing:
            pytest.skip(missing.message)
        assert output.render().value == platform

    def test_a_film(self):
        found = output.video()
        assert (found.status, found.value) == ("pass", 20)


class TestIsolation:
    @pytest.fixture
    def package(self, tmp_path, monkeypatch):
        """Puts a package of that name and source before the real one, for the process of checks."""

        def put(name, source):
            (tmp_path / "broken" / name).mkdir(parents=True)
            (tmp_path / "broken" / name / "__init__.py").write_text(source)

        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
        return put

    def test_a_broken_jax_and_torch_fail_alone(self, package):
        package("jax", "raise ImportError('libcudart.so is missing')")
        package("torch", "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
        names = "python", "jax", "jax-matmul", "torch", "physics-native", "checkpoint", "video"
        found = {done.name: done for done in runner.run(rows(*names))}
        assert {name: found[name].status for name in names} == {
            "python": "pass",
            "jax": "fail",
            "jax-matmul": "fail",
            "torch": "fail",
            "physics-native": "pass",
            "checkpoint": "pass",
            "video": "pass",
        }
        assert found["jax"].detail == "ImportError: libcudart.so is missing"
        assert found["torch"].hint == f"{sys.executable} -m pip install torch"

    @shell
    def test_a_crash_fails_alone(self, package):
        package("torch", "import os, sys; print('oh', file=sys.stderr, flush=True); os.abort()")
        done = list(runner.run(rows("python", "torch", "torch-matmul", "checkpoint")))
        assert [(check.name, check.status) for check in done] == [
            ("python", "pass"),
            ("torch", "fail"),
            ("torch-matmul", "fail"),
            ("checkpoint", "pass"),
        ]
        assert "crashed with signal 6: " in done[1].detail

    def test_a_hang_fails_alone(self, package):
        package("torch", "import time; time.sleep(60)")
        table = [*rows("torch", seconds=1.0), *rows("checkpoint")]
        torch, checkpoint = runner.run(table)
        assert (torch.status, torch.detail) == ("fail", "no answer after 1 s")
        assert checkpoint.status == "pass"

    def test_prints_of_libraries_are_no_findings(self, package):
        package("torch", "import os; os.write(1, b'device\\n'); print('device-check {}')")
        (done,) = runner.run(rows("torch"))
        assert done.status == "fail"  # it has no torch.cuda
        assert "cuda" in done.detail

    def test_errors_of_rlctl_keep_their_hint(self, monkeypatch):
        def missing():
            raise RendererMissing("nothing draws", "install something")

        monkeypatch.setattr(output, "render", missing)
        (found,) = worker.findings(["render"])
        assert found.pop("seconds") >= 0
        expected = Finding("fail", None, "nothing draws", "install something")
        assert found == {"name": "render", **dataclasses.asdict(expected)}


class TestTheReport:
    @pytest.fixture
    def finds(self, monkeypatch):
        """Return a function that sets the results of the checks; none of them runs."""
        asked = []

        def run(table):
            asked.extend(row.name for row in table)
            return iter(found)

        found = []
        monkeypatch.setattr(action, "run", run)
        return lambda *checks: found.extend(checks) or asked

    def test_only_required_checks_fail_the_report(self):
        report = Report(
            (check("a", "fail"), check("b", "fail", needed=False), check("c", "warn"), check("d"))
        )
        assert report.failed() == ["a"]
        assert report.counts() == {"pass": 1, "warn": 1, "fail": 2, "skip": 0}

    def test_the_summary_is_markdown(self):
        lines = Report((check("jax"), check("checkpoint", "fail"))).summary().splitlines()
        assert lines[0].startswith("**rlctl ")
        assert lines[0].endswith("**: 1 pass, 0 warn, 1 fail, 0 skip")
        assert all(line.startswith("- ") for line in lines[2:])
        assert "- jax: about jax" in lines
        assert "- fail: checkpoint: about checkpoint" in lines

    def test_long_measurements_run_only_with_bench(self, finds):
        asked = finds(check())
        device_check()
        assert "throughput-bench" not in asked
        device_check(bench=True)
        assert "throughput-bench" in asked

    @pytest.mark.parametrize(("platform", "status"), [("cpu", "fail"), ("gpu", "pass")])
    def test_a_gpu_may_be_required(self, finds, platform, status):
        finds(check(value={"platform": platform}), check("torch"))
        reported = []
        report = device_check(require_gpu=True, on_check=reported.append)
        assert [done.status for done in report.checks] == [status, "pass"]
        assert reported == list(report.checks)

    def test_a_required_gpu_is_missing_where_jax_is(self, finds):
        finds(check(status="fail", hint="pip install jax"))
        assert device_check(require_gpu=True).failed() == ["jax"]
