"""PyTorch files: tensors are found by name, no code runs."""

import io
import json
import os
import zipfile
from itertools import pairwise

import numpy as np
import pytest
import torch
from checkpoints.foreign_cases import FOLDER
from torch import nn

from rlctl.checkpoints.foreign import sb3, torch_file
from rlctl.checkpoints.foreign.sandbox import read
from rlctl.checkpoints.foreign.source import open_source
from rlctl.core.errors import (
    Damaged,
    DeviceUnavailable,
    Diverged,
    Incompatible,
    Unsafe,
    UsageError,
)


def saved(content):
    file = io.BytesIO()
    torch.save(content, file)
    return {"x.pt": file.getvalue()}


def mlp(prefix, *sizes):
    """Return tensors of linear layers under a prefix."""
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
        ACTOR | LOG_STD | {"epoch": torch.tensor(3.0), "actor.tracked": torch.tensor(3)},
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
    both = {"norm._mean": given, "norm._var": given**2, "norm._std": given}  # as in rsl_rl
    found = torch_file.read(saved(ACTOR | LOG_STD | both))
    np.testing.assert_allclose(found.arrays["normalizer/std"], std + 0.01, rtol=1e-6)
    assert "norm.std + 0.01" in found.notes[0]
    assert "not normalised" in torch_file.read(saved(ACTOR | LOG_STD)).notes[0]
    critics = {f"critic_{name}": tensor for name, tensor in OBS.items()}
    found = torch_file.read(saved(ACTOR | CRITIC | LOG_STD | OBS | critics))
    assert found.outputs("value") == []


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (ACTOR | CRITIC | LOG_STD | mlp("shared", 3, 3), r"shared\.0\.weight"),
        (ACTOR | LOG_STD | {"actor.1.weight": torch.ones(4)}, r"actor\.1\.weight"),
        (ACTOR | LOG_STD | {"actor.conv.weight": torch.ones(4, 1, 3, 3)}, r"actor\.conv"),
        (ACTOR | LOG_STD | {"rnn.weight_ih_l0": torch.ones(4, 4)}, "weight_ih_l0"),
        (ACTOR | {"log_std": torch.ones(4, 2)}, "more than a vector of log_std"),
        (mlp("actor", 3, 4) | mlp("actor_mean", 7, 2) | LOG_STD, "not clear which layers"),
        (
            renamed(ACTOR, "actor.2", "mu") | {"mu.weight": torch.ones(2, 7)} | LOG_STD,
            "has input size 7, and layer 0 output size 4",
        ),
        (CRITIC, "no layers that are named"),
        (OBS, "no layers that are named"),
        (ACTOR | LOG_STD | {"obs_rms.mean": torch.ones(3)}, "not a mean and a variance"),
        (
            ACTOR | LOG_STD | {"action_scale": torch.tensor(3.0)},
            r"action_scale \(\) has no known role",
        ),
        (
            ACTOR | LOG_STD | {"actor.scale": torch.tensor(3.0)},
            r"actor\.scale \(\) has no known role",
        ),
        (ACTOR | LOG_STD | {"squashed": torch.tensor(True)}, "squashed"),
        (ACTOR | LOG_STD | {"actor.return_bias": torch.ones(4)}, r"actor\.return_bias"),
        ({"a": 1}, "not a dict of tensors"),
        ([torch.ones(3)], "not a dict of tensors, but a list"),
        ({"actor.0.weight": torch.ones(3, 3, dtype=torch.int64)}, "dtype int64"),
    ],
)
def test_what_has_no_place_is_not_left_out(state, message):
    with pytest.raises(Incompatible, match=message):
        torch_file.read(saved(state))


SQUARE = {name: mlp(name, 4, 4, 4) for name in ("net", "q_net", "q_net_target", "actor", "qf.0")}


def layers(*names):
    """Return single layers with these names, each 4 -> 4."""
    tensors = {"weight": torch.ones(4, 4), "bias": torch.ones(4)}
    return {f"{name}.{part}": tensor for name in names for part, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("state", "candidates"),
    [
        (SQUARE["q_net"] | SQUARE["q_net_target"], ["q_net", "q_net_target"]),
        (SQUARE["actor"] | SQUARE["q_net"], ["actor", "q_net"]),
        (layers("a.q.0", "a.q.2", "b.q.0", "b.q.2"), ["a.q", "b.q"]),
        (layers("qf.0.0", "qf.0.2", "qf.1.0", "qf.1.2"), ["qf.0", "qf.1"]),
        (layers("actor.0", "actor_target.0"), ["actor.0", "actor_target.0"]),
        (layers("net.0", "net.2", "other"), ["net", "other"]),
        (layers("net.0", "net.2", "mu", "pi"), ["net", "mu", "pi"]),
        (layers("first", "second"), ["first", "second"]),
        (layers("q1", "q2"), ["q1", "q2"]),
    ],
)
def test_networks_are_not_chained_because_their_sizes_fit(state, candidates):
    with pytest.raises(Incompatible, match="not clear which layers") as raised:
        torch_file.read(saved(state))
    for name in candidates:
        assert f"{name} (4 -> 4" in raised.value.message
    assert "--actor" in raised.value.hint


@pytest.mark.parametrize("name", ["q_net", "q_network", "Q", "qf1", "agent.q"])
def test_a_q_network_is_a_policy_only_if_it_is_named(name):
    state = saved(renamed(SQUARE["actor"], "actor", name))
    with pytest.raises(Incompatible, match="named as a Q-network") as raised:
        torch_file.read(state)
    assert "--actor" in raised.value.hint
    assert torch_file.read(state, name).outputs("policy") == [4, 4]


@pytest.mark.parametrize(
    ("state", "actor"),
    [
        (SQUARE["q_net"] | SQUARE["actor"], "actor"),
        (SQUARE["actor"] | mlp("critic", 4, 5, 1) | mlp("critic_target", 4, 5, 1), "actor"),
        (renamed(renamed(SQUARE["actor"], "actor.0", "first"), "actor.2", "last"), "first,last"),
        (SQUARE["q_net_target"] | renamed(SQUARE["actor"], "actor.2", "out.0"), "actor,out"),
    ],
)
def test_the_policys_layers_can_be_named(state, actor):
    found = torch_file.read(saved(state), actor)
    for i, name in enumerate(("actor.0", "actor.2")):
        kernel = SQUARE["actor"][f"{name}.weight"].T
        np.testing.assert_array_equal(found.arrays[f"policy/hidden_{i}/kernel"], kernel)
    assert found.outputs("policy") == [4, 4]


@pytest.mark.parametrize("names", ["fc1 fc2", "body.0 body.2", "l1 mu", "pi.fc1 pi.fc2", "0 2"])
def test_layers_of_one_network_are_in_the_order_of_their_numbers(names):
    first, last = names.split()
    state = renamed(renamed(ACTOR, "actor.0", first), "actor.2", last)
    found = torch_file.read(saved(dict(reversed(state.items()))))
    np.testing.assert_array_equal(found.arrays["policy/hidden_0/kernel"], ACTOR["actor.0.weight"].T)


def test_the_layers_of_rsl_rl_need_no_names():
    data = (FOLDER / "rsl_rl_3.pt").read_bytes()
    with pytest.raises(UsageError, match="it is of rsl_rl"):
        torch_file.read({"x.pt": data}, "model_state_dict.actor")


def test_layers_with_nothing_between_some_of_them_are_refused():
    state = mlp("actor", 3, 4, 4) | renamed(mlp("x", 4, 2), "x.0", "actor.3")
    with pytest.raises(Incompatible, match="no activation between them"):
        torch_file.read(saved(state))


def test_noise_that_depends_on_the_observation_is_refused():
    state = renamed(ACTOR, "actor.2", "fc_mean") | renamed(ACTOR, "actor.2", "fc_logstd")
    with pytest.raises(Incompatible, match="noise depends on the observation"):
        torch_file.read(saved(state))


@pytest.mark.parametrize(
    ("tool", "content"),
    [
        ("rl_games", {"model": renamed(ACTOR, "actor", "a2c_network.actor_mlp"), "epoch": 3,
                      "last_mean_rewards": np.float64(1.0)}),
        ("skrl", {"policy": ACTOR | {"log_std_parameter": torch.ones(2)}, "value": CRITIC}),
        ("skrl", {"policy": ACTOR, "state_preprocessor": {"running_mean": torch.ones(3),
                  "running_variance": torch.ones(3), "current_count": torch.tensor(1.0)}}),
    ],
)  # fmt: skip
def test_files_of_tools_that_are_not_read_are_named(tool, content):
    with pytest.raises(Incompatible, match=f"it is of {tool}"):
        torch_file.read(saved(content))


def test_a_program_of_torchscript_is_no_state_dict(tmp_path):
    with zipfile.ZipFile(tmp_path / "policy.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"policy/{name}", "")
    with pytest.raises(Incompatible, match="a TorchScript program"):
        open_source(tmp_path / "policy.pt")


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
    with pytest.raises(Damaged, match="has changed: its checksum differs"):
        torch_file.read({"x.pt": bytes(data)})
    for cut in (data[:-30], data[: len(data) // 2]):
        (tmp_path / "cut.pt").write_bytes(cut)
        with pytest.raises(Damaged):
            read(open_source(tmp_path / "cut.pt"))


def first_layer(data):
    """Return the bytes of a tensor in the fixture."""
    state = torch.load(io.BytesIO(bytes(data)), weights_only=True)
    return state["actor.0.weight"].numpy().tobytes()


def test_an_old_pytorch_is_not_trusted(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    with pytest.raises(DeviceUnavailable, match=r"2\.10 or newer; 2\.9\.1") as raised:
        torch_file.read(saved(ACTOR))
    assert raised.value.exit_code == 7


def test_a_file_from_before_zips_is_told(tmp_path):
    torch.save(ACTOR, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(Incompatible, match=r"older than 1\.6"):
        open_source(tmp_path / "old.pt")


def zipped(**files):
    """Return the fixture's agent with other files."""
    out = io.BytesIO()
    held = zipfile.ZipFile(FOLDER / "sb3_ppo.zip")
    with zipfile.ZipFile(out, "w") as archive:
        for name in held.namelist():
            content = files.get(name.replace(".", "_"), held.read(name))
            if content is not None:
                archive.writestr(name, content)
    return {"x.zip": out.getvalue()}


def agent(name="sb3_ppo.zip", drop=(), **changes):
    """Return the fixture's agent with other data."""
    data = json.loads(zipfile.ZipFile(FOLDER / name).read("data")) | changes
    data = {key: value for key, value in data.items() if key not in drop}
    return zipped(data=json.dumps(data).encode())


def activation(name):
    return {"activation_fn": f"<class 'torch.nn.modules.activation.{name}'>"}


def policy_class(module):
    return {":type:": "<class 'abc.ABCMeta'>", "__module__": module}


def test_agents_data_is_json_alone():
    assert sb3.read(agent(num_timesteps=5)).step == 5
    for data in (b"", b"[]", b"[" * 100_000, None):
        with pytest.raises(Damaged, match="`data`"):
            sb3.read(zipped(data=data))
    evil = {":serialized:": "gASVHgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU"}
    assert sb3.read(agent(ep_info_buffer=evil)).notes == ()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("stable_baselines3.dqn.policies", "it is of DQN:"),
        ("stable_baselines3.sac.policies", "it is of SAC:"),
        ("stable_baselines3.td3.policies", "it is of TD3 or DDPG:"),
        ("sb3_contrib.ars.policies", "it is of ARS:"),
        ("sb3_contrib.qrdqn.policies", "it is of QR-DQN:"),
        ("sb3_contrib.tqc.policies", "it is of TQC:"),
        ("sb3_contrib.crossq.policies", "it is of CrossQ:"),
        ("sb3_contrib.common.recurrent.policies", "it is of RecurrentPPO:"),
        ("sb3_contrib.common.maskable.policies", "it is of MaskablePPO:"),
        ("__main__", "a custom one, from __main__"),
        ("sbx.ppo.policies", "sbx.ppo.policies"),
        (None, "does not say which policy class"),
    ],
)
def test_agents_are_read_by_their_policy_class_alone(module, message):
    with pytest.raises(Incompatible, match=message) as raised:
        sb3.read(agent(policy_class=policy_class(module)))
    assert raised.value.hint == "supported are PPO, A2C and TRPO with MlpPolicy"


def test_agents_without_a_policy_class_are_refused():
    with pytest.raises(Incompatible, match="does not say which policy class"):
        sb3.read(agent(drop={"policy_class"}))


IMAGE = {":type:": "<class 'gymnasium.spaces.box.Box'>", "_shape": [3, 8, 8]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_sde": True}, "use_sde"),
        ({"policy_kwargs": {"use_sde": True}}, "use_sde"),
        ({"policy_kwargs": {"squash_output": True}}, "squash_output"),
        ({"policy_kwargs": {"features_extractor_class": "<class '__main__.Mine'>"}}, "Mine"),
        ({"policy_kwargs": {"features_extractor_kwargs": "{'x': 1}"}}, "features extractor"),
        ({"policy_kwargs": {"lstm_hidden_size": 8}}, "an unknown lstm_hidden_size"),
        ({"policy_kwargs": activation("GELU")}, "its activation is .*GELU"),
        ({"policy_kwargs": {"activation_fn": "functools.partial(ELU)"}}, "its activation is funct"),
        ({"policy_kwargs": "all"}, "policy_kwargs are all"),
        ({"observation_space": IMAGE}, "CnnPolicy"),
        ({"observation_space": IMAGE | {":type:": "<class 'gymnasium.spaces.dict.Dict'>"}},
         "MultiInputPolicy"),
        ({"action_space": {":type:": "<class 'gymnasium.spaces.multi_discrete.MultiDiscrete'>"}},
         "action space is MultiDiscrete"),
        ({"_last_original_obs": {":serialized:": ""}}, "trained with a VecNormalize"),
    ],
)  # fmt: skip
def test_agents_with_a_setting_that_changes_their_actions_are_refused(changes, message):
    with pytest.raises(Incompatible, match=message):
        sb3.read(agent(**changes))


@pytest.mark.parametrize(
    ("kwargs", "name"),
    [
        ({}, "tanh"),
        (activation("SiLU"), "swish"),
        (activation("ELU") | {"log_std_init": -1.0, "ortho_init": False}, "elu"),
        ({"share_features_extractor": False, "squash_output": False, "net_arch": [8, 8]}, "tanh"),
    ],
)
def test_agents_settings_that_do_not_matter_are_passed_over(kwargs, name):
    found = sb3.read(agent(policy_kwargs=kwargs))
    assert (found.activation, found.notes, found.clip) == (name, (), None)


def test_agents_tensors_are_those_of_an_mlp_policy():
    state = torch.load(io.BytesIO(zipfile.ZipFile(FOLDER / "sb3_ppo.zip").read("policy.pth")))
    for more in ("features_extractor.cnn.0.weight", "mlp_extractor.shared_net.0.weight", "x"):
        with pytest.raises(Incompatible, match=f"its tensor {more}"):
            sb3.read(zipped(policy_pth=saved(state | {more: torch.ones(4, 4)})["x.pt"]))
    del state["action_net.bias"]
    with pytest.raises(Incompatible, match=r"it has no action_net\.bias"):
        sb3.read(zipped(policy_pth=saved(state)["x.pt"]))


def test_agents_weights_are_weights_alone(tmp_path):
    with pytest.raises(Unsafe, match="system"):
        sb3.read(zipped(policy_pth=saved(Payload())["x.pt"]))
    assert not list(tmp_path.iterdir())
