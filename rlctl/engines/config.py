"""Settings that every engine shares: section `train`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class TrainConfig:
    """Training length, number of environments, physics, evaluation and saving."""

    steps: int = setting(1_000_000, "total environment steps, resumed ones included", low=1)
    num_envs: int = setting(512, "number of parallel environments", low=1, high=1_000_000)
    devices: int = setting(
        1, "devices that share the environments: GPUs, or parts of the CPU", low=1, high=4096
    )
    seed: int = setting(0, "random seed", low=0, high=2**31 - 1)
    physics: str = setting("auto", "physics back end", choices=("auto", "native", "jax", "warp"))
    episode_length: int = setting(
        0, "time limit of training episodes in control steps; 0: the environment's", low=0
    )
    randomize: bool = setting(True, "domain randomisation of the environment's model")
    randomize_each: str = setting(
        "environment",
        "resample domain randomisation per environment or per episode",
        choices=("environment", "episode"),
    )
    curriculum_steps: int = setting(
        0,
        "length of the curriculum in environment steps; 0: none. Evaluations use the full task",
        low=0,
        formerly="easy_steps",
    )
    num_evals: int = setting(10, "evaluations spread over the training; 0: none", low=0)
    eval_episodes: int = setting(64, "episodes of one evaluation", low=1, high=100_000)
    eval_share: float | None = setting(
        None,
        "limit on the steps of all evaluations, as a fraction of train.steps; none: no limit",
        low=0.0,
    )
    deterministic_eval: bool = setting(True, "evaluate the mean action instead of sampled actions")
    target_return: float | None = setting(
        None, "evaluation return at which the task counts as learned; none: no target"
    )
    stop_at_target: bool = setting(True, "stop once an evaluation reaches train.target_return")
    save_every: int = setting(0, "steps between checkpoints; 0: at every evaluation", low=0)
    keep_last: int = setting(3, "newest checkpoints kept besides the best", low=1)
    keep_every: int = setting(0, "steps between checkpoints that are never deleted; 0: none", low=0)
    plot: bool = setting(True, "write plot.png while training and at the end")
    video_every: int = setting(
        0, "steps between videos, each of the next checkpoint; 0: none", low=0
    )
    tensorboard: bool = setting(False, "write metrics for TensorBoard into the run")
    wandb: bool = setting(False, "log metrics to Weights & Biases")
    on_nonfinite: str = setting(
        "stop",
        "if an environment's state is not finite: stop with exit code 8, or reset that environment",
        choices=("stop", "reset"),
    )
