"""PyTorch files: numbers by their names, and nothing that could run."""

import io
import os
import zipfile
from itertools import pairwise

import numpy as np
import pytest
import torch
from checkpoints.foreign_cases import FOLDER
from torch import nn

from rlctl.checkpoints.foreign import sb3, torch_file
from rlctl.checkpoints.foreign.reading import read
from rlctl.checkpoints.foreign.source import look
from rlctl.core.errors import Damaged, DeviceUnavailable, Diverged, Incompatible, Unsafe


def saved(content):
    file = io.BytesIO()
    torch.save(content, file)
    return {"x.pt": file.getvalue()}


def mlp(prefix, *sizes):
    """Tensors of linear layers under a prefix."""
    state = {}
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        state[f"{prefix}.{2 * i}.weight"] = torch.randn(outputs, inputs)
        state[f"{prefix}.{2 * i}.bias"] = torch.randn(outputs)
    return state


ACTOR, CRITIC = mlp("actor", 3, 4, 2), mlp("critic", 3, 5, 1)
LOG_STD = {"log_std": torch.tensor([-0.5, -1.0])}
OBS = {"obs_rms.mean": torch.randn(3), "obs_rms.var": torch.rand(3)}


def renamed(state, old, new):
    return {name.replace(old, new, 1): tensor for name, tensor in state.items()}


@pytest.mark.parametrize(
    "state",
    [
        ACTOR | CRITIC | LOG_STD,
        {"model": {"module": {**ACTOR, **CRITIC, **LOG_STD}}, "step": 3, "args": ["a"]},
        renamed(ACTOR, "actor", "pi.net") | renamed(CRITIC, "critic", "vf") | LOG_STD,
        renamed(ACTOR, "actor", "actor_mean") | CRITIC | {"actor_logstd": torch.ones(1, 2)},
        renamed(ACTOR, "actor", "ac.policy.mean_net") | {"ac.policy.log_std": torch.ones(2)},
        renamed(ACTOR, "actor", "actor_critic.actor") | {"actor_critic.std": torch.ones(2)},
        renamed(ACTOR, "actor", "net") | LOG_STD,  # an actor's own state dict
        renamed(ACTOR, "actor.2", "mu") | LOG_STD,
        ACTOR | LOG_STD | {"ret_rms.mean": torch.zeros(()), "optimizer.x": torch.ones(7)},
        ACTOR | {"log_std": torch.ones(2, dtype=torch.bfloat16)} | {"steps": torch.tensor(3)},
    ],
)
def test_layers_are_known_by_common_names(state):
    found = torch_file.read(saved(state))
    np.testing.assert_array_equal(found.arrays["policy/hidden_0/kernel"], ACTOR["actor.0.weight"].T)
    np.testing.assert_array_equal(found.arrays["policy/hidden_1/bias"], ACTOR["actor.2.bias"])
    assert found.outputs("policy") == [4, 2]
    assert found.outputs("value") in ([], [5, 1])
    assert found.arrays["policy/log_std"].shape == (2,)


def test_statistics_of_observations():
    found = torch_file.read(saved(ACTOR | LOG_STD | OBS | {"obs_rms.count": torch.tensor(9)}))
    std = found.arrays["normalizer/std"]
    np.testing.assert_allclose(std, np.sqrt(OBS["obs_rms.var"].numpy() + 1e-8), rtol=1e-6)
    assert found.arrays["normalizer/count"] == 9
    assert "obs_rms.var" in found.notes[0]
    given = torch.tensor(std)
    own = {"obs_norm._mean": given, "obs_norm._std": given}
    found = torch_file.read(saved(ACTOR | LOG_STD | own))
    np.testing.assert_array_equal(found.arrays["normalizer/std"], std)
    critics = {f"critic_{name}": tensor for name, tensor in OBS.items()}
    found = torch_file.read(saved(ACTOR | CRITIC | LOG_STD | OBS | critics))
    assert found.outputs("value") == []


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (ACTOR | CRITIC | LOG_STD | mlp("shared", 3, 3), r"shared\.0\.weight"),
        (ACTOR | LOG_STD | {"actor.1.weight": torch.ones(4)}, r"actor\.1\.weight"),
        (ACTOR | LOG_STD | {"actor.conv.weight": torch.ones(4, 1, 3, 3)}, r"actor\.conv"),
        (ACTOR | LOG_STD | {"rnn.weight_ih_l0": torch.ones(4, 4)}, "weight_ih_l0"),
        (ACTOR | {"log_std": torch.ones(4, 2)}, "more than a vector of log_std"),
        (ACTOR | LOG_STD | mlp("actor.head", 7, 2), "takes 7 numbers, and layer 1 gives 2"),
        (CRITIC, "no layers of a policy"),
        (OBS, "no layers of a policy"),
        (ACTOR | LOG_STD | {"obs_rms.mean": torch.ones(3)}, "not a mean and a variance"),
        ({"a": 1}, "no tensors"),
        ([torch.ones(3)], "no tensors by name, but a list"),
        ({"actor.0.weight": torch.ones(3, 3, dtype=torch.int64)}, "dtype int64"),
    ],
)
def test_what_has_no_place_is_not_left_out(state, told):
    with pytest.raises(Incompatible, match=told):
        torch_file.read(saved(state))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_numbers_must_be_finite_in_float32(value):
    bad = torch.tensor([0.0, value, 0.0, 0.0], dtype=torch.float64)
    data = saved(ACTOR | LOG_STD | {"actor.0.bias": bad})
    with pytest.raises(Diverged, match=r"policy/hidden_0/bias has 1 of 4 values"):
        torch_file.read(data)


def test_giants_are_refused_before_they_are_made():
    with pytest.raises(Unsafe, match="more than"):
        torch_file.read(saved({"actor.0.weight": torch.ones(1).expand(2**20, 2**20)}))


class Payload:
    def __reduce__(self):
        return os.system, ("touch canary",)


@pytest.mark.parametrize("content", [nn.Linear(3, 3), Payload(), {"actor.0.weight": Payload()},
                                     {"a": np.ones(3)}])  # fmt: skip
def test_what_would_run_code_is_refused_by_its_name(content, tmp_path):
    with pytest.raises(Unsafe, match=r"it names .*(Linear|system|_reconstruct)") as raised:
        torch_file.read(saved(content))
    assert "state_dict()" in raised.value.hint
    assert not list(tmp_path.iterdir())


def test_a_flipped_bit_is_noticed(tmp_path):
    data = bytearray((FOLDER / "torch_plain.pt").read_bytes())
    at = data.index(first_layer(data))
    data[at] ^= 1
    with pytest.raises(Damaged, match="is not what was written"):
        torch_file.read({"x.pt": bytes(data)})
    for cut in (data[:-30], data[: len(data) // 2]):
        (tmp_path / "cut.pt").write_bytes(cut)
        with pytest.raises(Damaged):
            read(look(tmp_path / "cut.pt"))


def first_layer(data):
    """The bytes of a tensor in the fixture."""
    state = torch.load(io.BytesIO(bytes(data)), weights_only=True)
    return state["actor.0.weight"].numpy().tobytes()


def test_an_old_pytorch_is_not_trusted(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    with pytest.raises(DeviceUnavailable, match=r"2\.10 or newer, here is 2\.9\.1") as raised:
        torch_file.read(saved(ACTOR))
    assert raised.value.exit_code == 7


def test_a_file_from_before_zips_is_told(tmp_path):
    torch.save(ACTOR, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(Incompatible, match=r"older than 1\.6"):
        look(tmp_path / "old.pt")


def zipped(**files):
    """The agent of the fixtures with other files."""
    out = io.BytesIO()
    held = zipfile.ZipFile(FOLDER / "sb3_ppo.zip")
    with zipfile.ZipFile(out, "w") as archive:
        for name in held.namelist():
            content = files.get(name.replace(".", "_"), held.read(name))
            if content is not None:
                archive.writestr(name, content)
    return {"x.zip": out.getvalue()}


def test_agents_data_is_json_alone():
    assert sb3.read(zipped(data=b'{"num_timesteps": 5}')).step == 5
    for data in (b"", b"[]", b"[" * 100_000, None):
        with pytest.raises(Damaged, match="`data`"):
            sb3.read(zipped(data=data))
    with pytest.raises(Incompatible, match="use_sde"):
        sb3.read(zipped(data=b'{"use_sde": true}'))
    with pytest.raises(Incompatible, match="its activation is gelu"):
        sb3.read(zipped(data=b'{"policy_kwargs": {"activation_fn": "gelu"}}'))
    assert sb3.read(zipped()).notes == ()
    (note,) = sb3.read(zipped(data=b'{"_last_original_obs": {":serialized:": ""}}')).notes
    assert "VecNormalize" in note
    evil = b'{"policy_class": {":serialized:": "gASVHgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU"}}'
    assert sb3.read(zipped(data=evil)).activation == "tanh"


def test_agents_weights_are_weights_alone(tmp_path):
    with pytest.raises(Unsafe, match="system"):
        sb3.read(zipped(policy_pth=saved(Payload())["x.pt"]))
    assert not list(tmp_path.iterdir())
