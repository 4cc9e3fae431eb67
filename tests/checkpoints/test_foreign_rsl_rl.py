"""rsl_rl's checkpoints: three layouts are read, other kinds are refused by name."""

import io

import numpy as np
import pytest
import torch
from checkpoints.foreign_cases import FOLDER

from rlctl.checkpoints.foreign import torch_file
from rlctl.core.errors import Incompatible

VERSIONS = (2, 3, 4, 5)


def held(version):
    data = (FOLDER / f"rsl_rl_{version}.pt").read_bytes()
    return torch.load(io.BytesIO(data), weights_only=True)


def read(content):
    file = io.BytesIO()
    torch.save(content, file)
    return torch_file.read({"x.pt": file.getvalue()})


def model(content):
    """Return the part with the policy, to be changed."""
    return content["model_state_dict" if "model_state_dict" in content else "actor_state_dict"]


def critic(version, seen):
    """Compute the values of the file's critic with rsl_rl's formula."""
    content = held(version)
    flat = {f"{a}.{b}": x for a, part in content.items() if isinstance(part, dict)
            for b, x in part.items() if isinstance(x, torch.Tensor)}  # fmt: skip
    layers, statistics = {
        2: ("model_state_dict.critic", "privileged_obs_norm_state_dict"),
        3: ("model_state_dict.critic", "model_state_dict.critic_obs_normalizer"),
        4: ("critic_state_dict.mlp", "critic_state_dict.obs_normalizer"),
        5: ("critic_state_dict.mlp", "critic_state_dict.obs_normalizer"),
    }[version]
    x = (seen - flat[f"{statistics}._mean"]) / (flat[f"{statistics}._std"] + 0.01)
    for i in (0, 2, 4):
        x = x if i == 0 else torch.nn.functional.elu(x)
        x = x @ flat[f"{layers}.{i}.weight"].T + flat[f"{layers}.{i}.bias"]
    return x.numpy()


@pytest.mark.parametrize("version", VERSIONS)
def test_values_are_those_of_its_critic(version):
    arrays = read(held(version)).arrays
    seen = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    x = (seen.numpy() - arrays["normalizer/mean"]) / arrays["normalizer/std"]
    for i in range(3):
        x = x if i == 0 else np.where(x > 0, x, np.expm1(x))
        x = x @ arrays[f"value/hidden_{i}/kernel"] + arrays[f"value/hidden_{i}/bias"]
    np.testing.assert_allclose(x, critic(version, seen), atol=1e-5)


@pytest.mark.parametrize(
    ("version", "name"),
    [(2, "std"), (3, "std"), (4, "std"), (5, "distribution.log_std_param"), (3, "log_std")],
)
def test_the_standard_deviation_comes_with_it(version, name):
    content = held(version)
    part = model(content)
    if name not in part:
        part[name] = part.pop("std").log()
    wanted = part[name] if "log" in name else part[name].log()
    np.testing.assert_allclose(read(content).arrays["policy/log_std"], wanted, rtol=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_normalisation(version):
    content = held(version)
    content = {name: part for name, part in content.items() if "norm" not in name}
    for part in (model(content), content.get("critic_state_dict", {})):
        for name in [name for name in part if "obs_normalizer" in name]:
            del part[name]
    found = read(content)
    assert not any(name.startswith("normalizer") for name in found.arrays)
    assert found.outputs("value") == [8, 8, 1]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_critic_that_sees_more_is_left_out(version):
    content = held(version)
    part, name = content.get("critic_state_dict"), "mlp.0.weight"
    if part is None:
        part, name = content["model_state_dict"], "critic.0.weight"
    part[name] = torch.cat([part[name], part[name]], 1)
    found = read(content)
    assert found.outputs("value") == []
    assert "has other observations" in found.notes[0]


@pytest.mark.parametrize("version", [3, 5])
def test_the_models_own_state_dict_is_read_likewise(version):
    content = held(version)
    whole = read(content)
    wrapped = {name: part for name, part in content.items() if part is model(content)}
    for alone in (read(model(content)), read(wrapped)):
        for name, array in alone.arrays.items():
            np.testing.assert_array_equal(array, whole.arrays[name])
        assert alone.default_activation == "elu"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("memory_a.rnn.weight_ih_l0", "a recurrent network"),
        ("rnn.rnn.weight_ih_l0", "a recurrent network"),
        ("actor_cnns.camera.0.weight", "a convolutional network"),
        ("cnns.camera.0.weight", "a convolutional network"),
        ("student.0.weight", "a distillation"),
        ("symmetric.0.weight", r"an unknown tensor: \w+\.symmetric\.0\.weight"),
    ],
)
def test_other_kinds_are_refused_by_name(version, name, message):
    content = held(version)
    model(content)[name] = torch.ones(2, 2)
    with pytest.raises(Incompatible, match=message):
        read(content)


def test_a_distillation_is_refused_by_name():
    content = held(5)
    content = {"student_state_dict": content["actor_state_dict"], "iter": 3, "infos": None}
    with pytest.raises(Incompatible, match="a distillation"):
        read(content)


@pytest.mark.parametrize("version", VERSIONS)
def test_noise_that_depends_on_the_observation_is_refused(version):
    content = held(version)
    part = model(content)
    for name in ("std", "log_std", "distribution.std_param", "distribution.log_std_param"):
        part.pop(name, None)
    with pytest.raises(Incompatible, match="noise depends on the observation"):
        read(content)


def test_what_is_of_the_training_alone_is_passed_over():
    content = held(3) | {"rnd_state_dict": {"predictor.0.weight": torch.ones(2, 2)}}
    assert read(content).outputs("policy") == [8, 8, 1]
    content = held(5) | {"infos": {"env_state": {"steps": torch.ones(3)}}}
    assert read(content).outputs("policy") == [8, 8, 1]
