"""Settings of SAC: section `sac`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class SACConfig:
    """Soft actor-critic (Haarnoja et al. 2018) with twin critics and automatic temperature."""

    learning_rate: float = setting(
        3e-4, "Adam's learning rate for policy, critics and temperature", low=0.0, high=1.0
    )
    discounting: float = setting(0.99, "discount factor gamma", low=0.0, high=1.0)
    tau: float = setting(
        0.005, "rate at which the target critics follow the critics", low=0.0, high=1.0
    )
    unroll_length: int = setting(
        8, "control steps per environment between two updates", low=1, high=10_000
    )
    updates_per_step: float = setting(
        1.0, "gradient steps per environment step", low=1e-6, high=1000.0
    )
    batch_size: int = setting(256, "transitions in a minibatch", low=1, high=1_000_000)
    buffer_size: int = setting(1_000_000, "transitions that the replay buffer holds", low=1)
    learning_starts: int = setting(
        1000, "transitions in the replay buffer before gradient steps begin", low=1
    )
    save_replay_buffer: bool = setting(
        False,
        "save the replay buffer in checkpoints: a resumed run continues bit for bit. Without it, "
        "a resumed run first collects sac.learning_starts transitions",
    )
    target_entropy: float = setting(-1.0, "target entropy of the policy per action component")
    init_temperature: float = setting(1.0, "initial temperature alpha", low=1e-9)
    reward_scaling: float = setting(1.0, "factor on rewards")
    normalize_observations: bool = setting(
        True, "normalise observations by running mean and standard deviation"
    )
    policy_hidden_layer_sizes: tuple[int, ...] = setting(
        (256, 256), "widths of the policy's hidden layers", low=1
    )
    value_hidden_layer_sizes: tuple[int, ...] = setting(
        (256, 256), "widths of the critics' hidden layers", low=1
    )
    activation: str = setting("relu", "hidden activation", choices=("swish", "tanh", "relu", "elu"))
