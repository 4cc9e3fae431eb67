import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from rlctl.core import device
from rlctl.core.errors import DeviceUnavailable, UsageError


@pytest.fixture
def environ(monkeypatch):
    """Clear the environment variables and unload the frameworks."""
    names = ("JAX", "CUDA", "HIP", "ROCR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    monkeypatch.setattr(os, "environ", kept)
    monkeypatch.setattr(sys, "modules", {})
    return kept


def test_cpu_hides_every_gpu_and_caches_programs(environ, tmp_path):
    environ["XDG_CACHE_HOME"] = str(tmp_path)
    assert device.select("cpu") == "cpu"
    assert environ["JAX_PLATFORMS"] == "cpu"
    assert environ["CUDA_VISIBLE_DEVICES"] == "-1"
    assert environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "rlctl" / "xla")
    assert environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"


def test_auto_leaves_the_users_own_choice(environ, monkeypatch):
    environ["JAX_PLATFORMS"] = "cpu"
    environ["JAX_COMPILATION_CACHE_DIR"] = "/mine"
    monkeypatch.setattr(device, "gpu_missing", lambda: None)
    assert device.select("auto") == "cpu"
    assert environ["JAX_PLATFORMS"] == "cpu"
    assert environ["JAX_COMPILATION_CACHE_DIR"] == "/mine"
    assert "CUDA_VISIBLE_DEVICES" not in environ


@pytest.mark.parametrize("name", ["gpu", "cuda"])
def test_gpu_is_asked_of_jax_first(environ, monkeypatch, name):
    monkeypatch.setattr(device, "gpu_missing", lambda: None)
    environ["JAX_PLATFORMS"] = "cpu"
    assert device.expected(name) == "gpu"
    assert device.select(name) == "gpu"
    assert environ["JAX_PLATFORMS"] == "cuda,cpu"


def test_what_is_expected_is_what_was_selected(environ, monkeypatch):
    monkeypatch.setattr(device, "gpu_missing", lambda: None)
    before = dict(environ)
    assert [device.expected(name) for name in ("auto", "cpu", "gpu")] == ["gpu", "cpu", "gpu"]
    assert environ == before
    for name in ("gpu", "cpu"):
        device.select(name)
        assert device.expected() == name
    monkeypatch.setattr(device, "gpu_missing", lambda: ("there is none", ""))
    assert device.expected() == "cpu"


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_gpu_is_an_error_not_a_fallback(environ, hidden):
    environ["CUDA_VISIBLE_DEVICES"] = hidden
    with pytest.raises(DeviceUnavailable, match="CUDA_VISIBLE_DEVICES hides") as caught:
        device.select("gpu")
    assert "--device cpu" in caught.value.hint


def test_no_gpu_is_an_error_not_a_fallback(environ, monkeypatch):
    monkeypatch.setattr(device, "_nvidia_gpu", lambda: False)
    with pytest.raises(DeviceUnavailable, match="no NVIDIA GPU"):
        device.select("gpu")


def test_a_gpu_that_jax_was_not_built_for_is_told(environ, monkeypatch):
    monkeypatch.setattr(device, "_nvidia_gpu", lambda: True)
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    with pytest.raises(DeviceUnavailable, match="without CUDA") as caught:
        device.select("gpu")
    assert "pip install 'jax[cuda12]'" in caught.value.hint


class Jax:
    """Fake of jax for `select`; its back end is fixed by the first use."""

    def __init__(self, computes=None):
        self.config, self.jax_platforms, self._computes = self, None, computes

    def update(self, name, value):
        setattr(self, name, value)

    def default_backend(self):
        self._computes = self._computes or self.jax_platforms.split(",")[0].replace("cuda", "gpu")
        return self._computes


class Torch:
    """Fake of torch for `select`."""

    def __init__(self, computes):
        self.cuda, self._begun = self, computes == "gpu"

    def is_initialized(self):
        return self._begun


@pytest.mark.parametrize(
    ("framework", "asked"),
    [(Jax("gpu"), "cpu"), (Jax("cpu"), "gpu"), (Jax("tpu"), "cpu"), (Torch("gpu"), "cpu")],
)
def test_what_computes_elsewhere_already_is_an_error(environ, monkeypatch, framework, asked):
    monkeypatch.setattr(device, "gpu_missing", lambda: None)
    sys.modules[type(framework).__name__.lower()] = framework
    with pytest.raises(DeviceUnavailable, match="in this process") as caught:
        device.select(asked)
    assert "new process" in caught.value.hint
    assert "JAX_PLATFORMS" not in environ
    if isinstance(framework, Jax):
        assert framework.jax_platforms is None


@pytest.mark.parametrize("asked", ["cpu", "gpu"])
def test_what_is_loaded_and_has_not_computed_yet_obeys(environ, monkeypatch, asked):
    monkeypatch.setattr(device, "gpu_missing", lambda: None)
    jax = sys.modules["jax"] = Jax()
    sys.modules["torch"] = Torch("cpu")
    assert device.select(asked) == asked == jax.default_backend()


def test_a_process_told_to_use_the_cpu_says_so_when_asked_for_the_gpu(environ, monkeypatch):
    monkeypatch.setattr(device, "_nvidia_gpu", lambda: True)
    device.select("cpu")
    with pytest.raises(DeviceUnavailable, match="CPU was selected earlier"):
        device.select("gpu")
    assert device.select("auto") == "cpu"


def test_choosing_late_is_harmless_where_there_is_no_gpu(environ, monkeypatch):
    monkeypatch.setattr(device, "_nvidia_gpu", lambda: False)
    sys.modules["jax"] = object()
    assert device.select("cpu") == "cpu"


def test_an_unknown_device_is_a_usage_error(environ):
    with pytest.raises(UsageError, match="'tpu'; there are auto, cpu, gpu"):
        device.select("tpu")


def test_jax_obeys_and_writes_the_cache(tmp_path):
    script = (
        "from rlctl.core import device; device.select('cpu');"
        "import jax; print(jax.default_backend()); jax.jit(lambda x: x + 1)(1.0)"
    )
    environ = {name: v for name, v in os.environ.items() if not name.startswith("JAX")}
    environ["XDG_CACHE_HOME"] = str(tmp_path)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cpu"]
    assert any((tmp_path / "rlctl" / "xla").iterdir())


DECIDING = {
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_ENABLE_X64": "1",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_LEGACY_PRNG_KEY": "error",
    "NVIDIA_TF32_OVERRIDE": "1",
}


@pytest.mark.parametrize("variable", DECIDING)
@pytest.mark.parametrize("asked", ["auto", "cpu"])
def test_variables_that_change_what_a_seed_gives_are_removed(environ, variable, asked):
    environ[variable] = DECIDING[variable]
    environ["JAX_DEBUG_NANS"] = "1"
    device.select(asked)
    assert variable not in environ
    assert environ["JAX_DEBUG_NANS"] == "1"


def test_a_seed_gives_the_same_numbers_whatever_the_variables_say():
    script = (
        "from rlctl.core import device; device.select('cpu');"
        "import jax; key = jax.random.PRNGKey(3); print(key, key.dtype);"
        "print(jax.random.normal(key, (3,)), jax.random.uniform(key).dtype)"
    )
    command = [sys.executable, "-c", script]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("JAX")}
    notes = [
        subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
        for environ in (plain, plain | DECIDING)
    ]
    assert notes[0] == notes[1]
    assert "float32" in notes[0]


def test_a_process_that_has_chosen_other_arithmetic_is_refused(environ):
    sys.modules["jax"] = SimpleNamespace(config=SimpleNamespace(jax_enable_x64=True))
    with pytest.raises(UsageError, match="jax_enable_x64 is True in this process") as caught:
        device.select("auto")
    assert 'jax.config.update("jax_enable_x64", False)' in caught.value.hint


@pytest.mark.parametrize("variable", ["JAX_PLATFORMS", "JAX_PLATFORM_NAME"])
@pytest.mark.parametrize(
    ("value", "message"), [("cuda", "no NVIDIA GPU"), ("gpu", "no NVIDIA GPU"), ("npu", "'npu'")]
)
def test_platforms_that_are_not_here_are_told(environ, monkeypatch, variable, value, message):
    monkeypatch.setattr(device, "_nvidia_gpu", lambda: False)
    environ[variable] = value
    with pytest.raises(DeviceUnavailable, match=message) as caught:
        device.select("auto")
    assert f"{variable} is {value}" in caught.value.message
    assert device.select("cpu") == "cpu"
    assert environ["JAX_PLATFORMS"] == "cpu"
    assert "JAX_PLATFORM_NAME" not in environ
