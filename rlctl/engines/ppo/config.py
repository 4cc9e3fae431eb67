"""Settings of PPO: section `ppo`. Names and defaults are Brax's where Brax has them."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class PPOConfig:
    """Proximal policy optimisation (Schulman et al. 2017) as in brax.training.agents.ppo."""

    optimizer: str = setting(
        "adam",
        "adam, or muon: orthogonalised momentum for weight matrices",
        choices=("adam", "muon"),
    )
    learning_rate: float = setting(3e-4, "learning rate of the optimizer", low=0.0, high=1.0)
    learning_rate_schedule: str = setting(
        "constant",
        "linear: learning rate decays to 0 over the training's steps",
        choices=("constant", "linear"),
    )
    noise_correlation_steps: int = setting(
        0,
        "correlation time of exploration noise in control steps; 0: independent noise",
        low=0,
        high=100_000,
    )
    entropy_cost: float = setting(1e-2, "weight of the entropy bonus", low=0.0)
    discounting: float = setting(0.97, "discount factor gamma", low=0.0, high=1.0)
    gae_lambda: float = setting(
        0.95, "lambda of generalised advantage estimation", low=0.0, high=1.0
    )
    unroll_length: int = setting(
        20, "control steps per environment in an unroll", low=1, high=10_000
    )
    batch_size: int = setting(0, "unrolls per minibatch; 0: num_envs / num_minibatches", low=0)
    num_minibatches: int = setting(
        0,
        "gradient steps per epoch; 0: num_envs / batch_size, or without batch_size 32 "
        "(num_envs if fewer)",
        low=0,
    )
    shards: int = setting(
        0,
        "equal parts of the environments, each with columns in every minibatch; 0: train.devices. "
        "A multiple of train.devices",
        low=0,
        high=4096,
    )
    num_updates_per_batch: int = setting(4, "epochs: passes over the data per update", low=1)
    clipping_epsilon: float = setting(0.3, "clip range epsilon of the probability ratio", low=0.0)
    normalize_advantage: bool = setting(True, "normalise advantages per minibatch")
    vf_loss_coefficient: float = setting(0.5, "weight of the value loss", low=0.0)
    max_grad_norm: float | None = setting(
        None, "clip gradients to this global norm; none: no clipping"
    )
    reward_scaling: float = setting(1.0, "factor on rewards")
    symmetry: bool = setting(
        False,
        "equivariant networks, for environments with a left-right symmetry",
        formerly="mirror",
    )
    normalize_observations: bool = setting(
        True, "normalise observations by running mean and standard deviation"
    )
    policy_hidden_layer_sizes: tuple[int, ...] = setting(
        (32, 32, 32, 32), "widths of the policy's hidden layers", low=1
    )
    value_hidden_layer_sizes: tuple[int, ...] = setting(
        (256, 256, 256, 256, 256), "widths of the value function's hidden layers", low=1
    )
    activation: str = setting(
        "swish", "hidden activation", choices=("swish", "tanh", "relu", "elu")
    )
