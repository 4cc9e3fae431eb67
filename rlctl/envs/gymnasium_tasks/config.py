"""Settings of Gymnasium's MuJoCo tasks: section `env`. The defaults are those of version 5."""

from dataclasses import dataclass

from rlctl.core.config import setting


def _forward(weight: float) -> float:
    return setting(weight, "reward per m/s of forward speed")


def _control(weight: float) -> float:
    return setting(weight, "weight of the squared control", low=0.0)


def _healthy(reward: float) -> float:
    return setting(reward, "reward per step while healthy")


def _terminate(after: str = "a fall") -> bool:
    return setting(True, f"terminate when unhealthy: after {after}")


def _lowest(height: float) -> float:
    return setting(height, "lowest healthy height of the torso, m")


def _highest(height: float) -> float:
    return setting(height, "greatest healthy height of the torso, m")


def _lean(angle: float) -> float:
    return setting(angle, "largest healthy lean of the torso, rad", low=0.0)


def _uniform_noise(scale: float) -> float:
    return setting(scale, "half-width of the uniform initial noise, m, rad, m/s, rad/s", low=0.0)


def _normal_noise(scale: float) -> float:
    return setting(
        scale,
        "initial noise: half-width (uniform) of positions, std (normal) of velocities",
        low=0.0,
    )


@dataclass(frozen=True)
class AntConfig:
    """Run forward; contact forces left out."""

    forward_reward_weight: float = _forward(1.0)
    ctrl_cost_weight: float = _control(0.5)
    healthy_reward: float = _healthy(1.0)
    terminate_when_unhealthy: bool = _terminate("a fall or a jump")
    healthy_z_min: float = _lowest(0.2)
    healthy_z_max: float = _highest(1.0)
    reset_noise_scale: float = _normal_noise(0.1)


@dataclass(frozen=True)
class HalfCheetahConfig:
    """Run forward."""

    forward_reward_weight: float = _forward(1.0)
    ctrl_cost_weight: float = _control(0.1)
    reset_noise_scale: float = _normal_noise(0.1)


@dataclass(frozen=True)
class HopperConfig:
    """Hop forward."""

    forward_reward_weight: float = _forward(1.0)
    ctrl_cost_weight: float = _control(1e-3)
    healthy_reward: float = _healthy(1.0)
    terminate_when_unhealthy: bool = _terminate()
    healthy_z_min: float = _lowest(0.7)
    healthy_angle_max: float = _lean(0.2)
    healthy_state_max: float = setting(
        100.0, "largest healthy angle or velocity, rad, m/s, rad/s", low=0.0
    )
    reset_noise_scale: float = _uniform_noise(5e-3)


@dataclass(frozen=True)
class HumanoidConfig:
    """Walk forward; contact forces left out."""

    forward_reward_weight: float = _forward(1.25)
    ctrl_cost_weight: float = _control(0.1)
    healthy_reward: float = _healthy(5.0)
    terminate_when_unhealthy: bool = _terminate()
    healthy_z_min: float = _lowest(1.0)
    healthy_z_max: float = _highest(2.0)
    reset_noise_scale: float = _uniform_noise(1e-2)


@dataclass(frozen=True)
class InvertedDoublePendulumConfig:
    """Balance two poles on a cart."""

    healthy_reward: float = setting(10.0, "reward per step with the tip above 1 m")
    reset_noise_scale: float = _normal_noise(0.1)


@dataclass(frozen=True)
class InvertedPendulumConfig:
    """Balance a pole on a cart."""

    reset_noise: float = _uniform_noise(0.01)
    max_angle: float = setting(
        0.2, "pole angle that terminates the episode, rad", low=0.0, high=1.57
    )


@dataclass(frozen=True)
class PusherConfig:
    """Push an object to its goal."""

    reward_near_weight: float = setting(0.5, "cost per m between fingertips and object", low=0.0)
    reward_dist_weight: float = setting(1.0, "cost per m between object and goal", low=0.0)
    reward_control_weight: float = _control(0.1)


@dataclass(frozen=True)
class ReacherConfig:
    """Reach a target."""

    reward_dist_weight: float = setting(1.0, "cost per m between fingertip and target", low=0.0)
    reward_control_weight: float = _control(1.0)


@dataclass(frozen=True)
class SwimmerConfig:
    """Swim forward."""

    forward_reward_weight: float = _forward(1.0)
    ctrl_cost_weight: float = _control(1e-4)
    reset_noise_scale: float = _uniform_noise(0.1)


@dataclass(frozen=True)
class Walker2dConfig:
    """Walk forward."""

    forward_reward_weight: float = _forward(1.0)
    ctrl_cost_weight: float = _control(1e-3)
    healthy_reward: float = _healthy(1.0)
    terminate_when_unhealthy: bool = _terminate()
    healthy_z_min: float = _lowest(0.8)
    healthy_z_max: float = _highest(2.0)
    healthy_angle_max: float = _lean(1.0)
    reset_noise_scale: float = _uniform_noise(5e-3)
