"""Settings of a training that every engine shares: section `train`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class TrainConfig:
    """How long, how wide, on what physics, how often evaluated and saved."""

    steps: int = setting(1_000_000, "environment steps in all, resumed ones included", low=1)
    num_envs: int = setting(512, "environments stepped together", low=1, high=1_000_000)
    seed: int = setting(0, "seed of everything random", low=0, high=2**31 - 1)
    physics: str = setting("auto", "physics back end", choices=("auto", "native", "jax", "warp"))
    episode_length: int = setting(
        0, "control steps after which training truncates an episode; 0: the environment's", low=0
    )
    randomize: bool = setting(True, "draw the environment's randomised model fields per instance")
    randomize_each: str = setting(
        "environment",
        "what has a draw of its own: an environment, or each of its episodes",
        choices=("environment", "episode"),
    )
    curriculum_steps: int = setting(
        0,
        "length of the curriculum in environment steps, 0: none; evaluations use the full task",
        low=0,
        formerly="easy_steps",
    )
    num_evals: int = setting(10, "evaluations spread over the training; 0: none", low=0)
    eval_episodes: int = setting(64, "episodes of one evaluation", low=1, high=100_000)
    eval_share: float | None = setting(
        None,
        "steps of all evaluations, at most this share of the training's; none: not bounded",
        low=0.0,
    )
    deterministic_eval: bool = setting(True, "evaluate the mean action rather than samples")
    target_return: float | None = setting(
        None, "evaluation return that counts as learned; none: no verdict at the end"
    )
    stop_at_target: bool = setting(True, "stop once an evaluation reaches train.target_return")
    save_every: int = setting(0, "steps between checkpoints; 0: at every evaluation", low=0)
    keep_last: int = setting(3, "newest checkpoints kept besides the best", low=1)
    keep_every: int = setting(0, "steps between checkpoints kept for good; 0: none", low=0)
    plot: bool = setting(True, "draw plot.png while training and at the end")
    video_every: int = setting(
        0, "steps between films, each of the next checkpoint; 0: none", low=0
    )
    tensorboard: bool = setting(False, "write the figures for TensorBoard into the run")
    wandb: bool = setting(False, "log the figures to Weights & Biases")
    on_nonfinite: str = setting(
        "stop",
        "when an environment's state is not finite: stop with exit 8, or reset that environment",
        choices=("stop", "reset"),
    )
