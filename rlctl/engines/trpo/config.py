"""Settings of TRPO: section `trpo`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class TRPOConfig:
    """Trust region policy optimisation (Schulman et al. 2015) with a fitted value function."""

    max_kl: float = setting(0.01, "trust region: mean KL of an update's step", low=1e-8)
    max_kl_schedule: str = setting(
        "constant",
        "linear: the trust region shrinks to 0 over the training's steps",
        choices=("constant", "linear"),
    )
    kl_acceptance: float = setting(
        1.0, "the line search accepts a KL up to this factor of max_kl", low=1e-3
    )
    cg_iterations: int = setting(10, "iterations of the conjugate gradient", low=1, high=1000)
    cg_tolerance: float = setting(1e-10, "squared residual that ends it sooner", low=0.0)
    cg_damping: float = setting(0.1, "multiple of the identity added to the Fisher matrix", low=0.0)
    fvp_subsample: float = setting(
        0.2, "share of an update's steps that Fisher products are taken over", low=1e-6, high=1.0
    )
    line_search_shrink: float = setting(
        0.8, "factor from one try of the line search to the next", low=0.01, high=0.99
    )
    line_search_steps: int = setting(10, "tries of the line search", low=1, high=1000)
    discounting: float = setting(0.99, "discount of the next step's value", low=0.0, high=1.0)
    gae_lambda: float = setting(0.97, "mix of n-step returns in the advantage", low=0.0, high=1.0)
    steps_per_update: int = setting(2048, "steps of an update, of all environments together", low=2)
    normalize_advantage: bool = setting(True, "centre and scale advantages per update")
    entropy_cost: float = setting(0.0, "weight of the entropy bonus", low=0.0)
    value_learning_rate: float = setting(1e-3, "Adam's step size for the value", low=0.0, high=1.0)
    value_epochs: int = setting(10, "passes of the value fit over an update's steps", low=1)
    value_minibatch: int = setting(128, "steps in a minibatch of the value fit", low=1)
    reward_scaling: float = setting(1.0, "factor on rewards in the learning")
    normalize_observations: bool = setting(True, "normalise by running mean and deviation")
    normalizer_clip: float | None = setting(
        10.0, "bound on normalised observations; none: not bounded", low=1e-3
    )
    policy_hidden_layer_sizes: tuple[int, ...] = setting(
        (64, 64), "widths of the policy's hidden layers", low=1
    )
    value_hidden_layer_sizes: tuple[int, ...] = setting(
        (64, 64), "widths of the value function's hidden layers", low=1
    )
    activation: str = setting("tanh", "hidden activation", choices=("swish", "tanh", "relu", "elu"))
    init_log_std: float = setting(
        -0.5, "first log of the action's deviation, of half its range", low=-20.0, high=2.0
    )
    output_scale: float = setting(
        0.01, "gain of the policy's first output layer; small: all actions alike", low=0.0
    )
