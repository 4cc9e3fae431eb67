"""Settings of PPO: section `ppo`. Names and defaults are Brax's where Brax has them."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class PPOConfig:
    """Proximal policy optimisation (Schulman et al. 2017) as in brax.training.agents.ppo."""

    optimizer: str = setting(
        "adam",
        "muon: weight matrices take steps that turn all directions alike",
        choices=("adam", "muon"),
    )
    learning_rate: float = setting(3e-4, "the optimizer's step size", low=0.0, high=1.0)
    learning_rate_schedule: str = setting(
        "constant",
        "linear: the step size falls to 0 over the training's steps",
        choices=("constant", "linear"),
    )
    noise_correlation_steps: int = setting(
        0,
        "control steps over which exploration noise stays correlated; 0: drawn anew every step",
        low=0,
        high=100_000,
    )
    entropy_cost: float = setting(1e-2, "weight of the entropy bonus", low=0.0)
    discounting: float = setting(0.97, "discount of the next step's value", low=0.0, high=1.0)
    gae_lambda: float = setting(0.95, "mix of n-step returns in the advantage", low=0.0, high=1.0)
    unroll_length: int = setting(20, "steps each environment takes per unroll", low=1, high=10_000)
    batch_size: int = setting(
        0, "unrolls per minibatch; 0: as num_minibatches divides the environments", low=0
    )
    num_minibatches: int = setting(
        0,
        "gradient steps per pass over the data; 0: as batch_size divides the environments, or "
        "without batch_size 32, and one per environment where there are fewer",
        low=0,
    )
    num_updates_per_batch: int = setting(4, "passes over the data per update", low=1)
    clipping_epsilon: float = setting(0.3, "bound on the probability ratio's change", low=0.0)
    normalize_advantage: bool = setting(True, "centre and scale advantages per minibatch")
    vf_loss_coefficient: float = setting(0.5, "weight of the value loss", low=0.0)
    max_grad_norm: float | None = setting(None, "gradients are clipped to this norm; none: not")
    reward_scaling: float = setting(1.0, "factor on rewards in the loss")
    symmetry: bool = setting(
        False,
        "equivariant networks, for environments with a left-right symmetry",
        formerly="mirror",
    )
    normalize_observations: bool = setting(True, "normalise by running mean and deviation")
    policy_hidden_layer_sizes: tuple[int, ...] = setting(
        (32, 32, 32, 32), "widths of the policy's hidden layers", low=1
    )
    value_hidden_layer_sizes: tuple[int, ...] = setting(
        (256, 256, 256, 256, 256), "widths of the value function's hidden layers", low=1
    )
    activation: str = setting(
        "swish", "hidden activation", choices=("swish", "tanh", "relu", "elu")
    )
