"""Settings of TRPO: section `trpo`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class TRPOConfig:
    """Trust region policy optimisation (Schulman et al. 2015) with a fitted value function."""

    max_kl: float = setting(0.01, "trust region: largest mean KL of an update", low=1e-8)
    max_kl_schedule: str = setting(
        "constant",
        "linear: trust region decays to 0 over the training's steps",
        choices=("constant", "linear"),
    )
    kl_acceptance: float = setting(
        1.0, "line search accepts a KL up to this factor times max_kl", low=1e-3
    )
    cg_iterations: int = setting(10, "most iterations of conjugate gradient", low=1, high=1000)
    cg_tolerance: float = setting(
        1e-10, "squared residual that ends conjugate gradient early", low=0.0
    )
    cg_damping: float = setting(
        0.1, "damping: multiple of the identity added to the Fisher matrix", low=0.0
    )
    fvp_subsample: float = setting(
        0.2, "fraction of an update's steps used for Fisher-vector products", low=1e-6, high=1.0
    )
    line_search_shrink: float = setting(
        0.8, "backtracking factor of the line search", low=0.01, high=0.99
    )
    line_search_steps: int = setting(10, "most steps of the line search", low=1, high=1000)
    discounting: float = setting(0.99, "discount factor gamma", low=0.0, high=1.0)
    gae_lambda: float = setting(
        0.97, "lambda of generalised advantage estimation", low=0.0, high=1.0
    )
    steps_per_update: int = setting(2048, "steps of an update, summed over environments", low=2)
    normalize_advantage: bool = setting(True, "normalise advantages per update")
    entropy_cost: float = setting(0.0, "weight of the entropy bonus", low=0.0)
    value_learning_rate: float = setting(
        1e-3, "Adam's learning rate for the value function", low=0.0, high=1.0
    )
    value_epochs: int = setting(10, "epochs of the value fit per update", low=1)
    value_minibatch: int = setting(128, "steps in a minibatch of the value fit", low=1)
    reward_scaling: float = setting(1.0, "factor on rewards")
    normalize_observations: bool = setting(
        True, "normalise observations by running mean and standard deviation"
    )
    normalizer_clip: float | None = setting(
        10.0, "clip normalised observations to +-this; none: no clipping", low=1e-3
    )
    policy_hidden_layer_sizes: tuple[int, ...] = setting(
        (64, 64), "widths of the policy's hidden layers", low=1
    )
    value_hidden_layer_sizes: tuple[int, ...] = setting(
        (64, 64), "widths of the value function's hidden layers", low=1
    )
    activation: str = setting("tanh", "hidden activation", choices=("swish", "tanh", "relu", "elu"))
    init_log_std: float = setting(
        -0.5,
        "initial log standard deviation of actions, relative to half their range",
        low=-20.0,
        high=2.0,
    )
    output_scale: float = setting(
        0.01, "initial gain of the policy's output layer; small: actions near zero", low=0.0
    )
