"""Save policies with Brax's PPO, with the actions Brax computes for fixed observations.

See build_import_fixtures.py.

    PYTHON scripts/baselines/foreign_brax.py FOLDER SEED
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint
from brax.io import model
from brax.training.acme import running_statistics, specs
from brax.training.agents.ppo import checkpoint, losses, networks
from flax.core import FrozenDict

SMALL = {"policy_hidden_layer_sizes": (8, 8), "value_hidden_layer_sizes": (8,)}
PENDULUM, BARKOUR = (3, 1), (465, 12)  # observation, action


def main(folder: Path, seed: int) -> None:
    """Write all fixtures."""
    flat = made(seed, *PENDULUM, **SMALL)
    save_folder(folder / "brax_flat", 128_000, flat)
    save_folder(folder / "brax_zarr", 256_000, made(seed + 1, *PENDULUM, **SMALL), ocdbt=False)
    keys = {"policy_obs_key": "state", "value_obs_key": "privileged_state"}
    sizes = {"state": 3, "privileged_state": 5}
    save_folder(
        folder / "brax_dict",
        64_000,
        made(seed + 2, sizes, 1, activation=jax.nn.relu, **SMALL, **keys),
    )
    raw = made(seed + 3, *PENDULUM, normalize=False, activation=jax.nn.tanh, **SMALL)
    save_folder(folder / "brax_raw", 0, raw)

    save_pickle(folder / "brax_3.pkl", made(seed + 4, *PENDULUM, **SMALL))
    two = made(seed + 5, *PENDULUM, **SMALL)
    save_pickle(folder / "brax_2.pkl", two, lambda normalizer, policy, value: (normalizer, policy))
    save_pickle(
        folder / "brax_params.pkl",
        made(seed + 6, *PENDULUM, **SMALL),
        lambda normalizer, policy, value: (
            normalizer,
            losses.PPONetworkParams(policy=FrozenDict(policy), value=value),
        ),
    )
    tutorial = {"policy_hidden_layer_sizes": (4,), "value_hidden_layer_sizes": (2,)}
    save_pickle(folder / "brax_barkour.pkl", made(seed + 7, *BARKOUR, rows=2, **tutorial))


def made(
    seed: int, observation: Any, action: int, normalize: bool = True, rows: int = 16, **kwargs: Any
) -> dict[str, Any]:
    """Initialise networks and a normaliser, and compute actions for random observations."""
    rng = np.random.default_rng(seed)
    factory = functools.partial(networks.make_ppo_networks, **kwargs)
    net = factory(
        observation,
        action,
        preprocess_observations_fn=running_statistics.normalize if normalize else lambda x, y: x,
    )
    sizes = observation if isinstance(observation, dict) else {"": observation}

    def sample(n: int) -> Any:
        values = {
            key: jnp.asarray(rng.normal(0.3, 2.0, (n, size)).round(3), jnp.float32)
            for key, size in sizes.items()
        }
        return values if isinstance(observation, dict) else values[""]

    shape = jax.tree.map(lambda x: specs.Array(x.shape[-1:], x.dtype), sample(1))
    statistics = running_statistics.update(running_statistics.init_state(shape), sample(100))
    keys = jax.random.split(jax.random.key(seed), 2)
    policy, value = net.policy_network.init(keys[0]), net.value_network.init(keys[1])
    act = networks.make_inference_fn(net)((statistics, policy, value), deterministic=True)
    inputs = sample(rows)
    actions, _ = act(inputs, keys[0])
    return {
        "params": (statistics, policy, value),
        "config": checkpoint.network_config(shape, action, normalize, factory),
        "observation": inputs["state"] if isinstance(observation, dict) else inputs,
        "action": actions,
    }


def save_folder(path: Path, step: int, made: dict[str, Any], ocdbt: bool = True) -> None:
    """Save as ppo.train does; with `ocdbt=False` in the older plain zarr layout."""
    checkpoint.save(path, step, made["params"], made["config"])
    if not ocdbt:
        config = (path / f"{step:012d}" / "ppo_network_config.json").read_text()
        plain = orbax.checkpoint.PyTreeCheckpointer(use_ocdbt=False)
        plain.save(path / f"{step:012d}", made["params"], force=True)
        (path / f"{step:012d}" / "ppo_network_config.json").write_text(config)
    write_actions(path, made)


def save_pickle(path: Path, made: dict[str, Any], change: Any = lambda *params: params) -> None:
    """Save with `model.save_params`, as users of ppo.train do."""
    model.save_params(str(path), change(*made["params"]))
    write_actions(path, made)


def write_actions(path: Path, made: dict[str, Any]) -> None:
    """Write observations and actions to PATH.json."""
    facts = {
        "by": f"brax 0.14.2, jax {jax.__version__}, orbax {orbax.checkpoint.__version__}",
        "observation": np.asarray(made["observation"]).round(3).tolist(),
        "action": np.asarray(made["action"]).tolist(),
    }
    path.with_name(path.name + ".json").write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
