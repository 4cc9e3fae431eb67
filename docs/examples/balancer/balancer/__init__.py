"""A robot of one's own for rlctl: a body on wheels that has to be kept upright."""

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
