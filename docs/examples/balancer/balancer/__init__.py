"""Example package with a robot for rlctl: a two-wheeled balancer."""

from rlctl.catalog import EnvRow

ROW = EnvRow(
    "balancer",
    "a two-wheeled robot stays upright, and where it is",
    "balancer.env:Balancer",
    "balancer.config:BalancerConfig",
    observation=4,
    action=1,
    rate=50.0,
)
