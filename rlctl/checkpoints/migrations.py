"""Checkpoints of older schemas as this one would have written them, in memory alone.

A migration is a pure function from (manifest, groups of arrays) of one minor schema to those of the
next. Files are never rewritten, and the manifest goes on saying which schema it was written in.

    1.0 -> 1.1    env.model_sha256, the digest of the physics model's source, not known before;
                  evaluated, the step of the last evaluation: all that were due had been made;
                  train.learned/..., which the first checkpoints of PPO lack: it was the networks
"""

from collections.abc import Callable, Mapping
from typing import Any

from rlctl.checkpoints import manifest
from rlctl.checkpoints.arrays import Arrays

Facts = dict[str, Any]
Groups = dict[str, Arrays]
Migration = Callable[[Facts, Groups], tuple[Facts, Groups]]


def migrate(facts: Facts, groups: Groups) -> tuple[Facts, Groups]:
    """A verified manifest and its arrays in the newest schema; those of newer ones as they are."""
    for step in MIGRATIONS[facts["schema"]["minor"] :]:
        facts, groups = step(facts, groups)
    return facts, groups


def _one_zero(facts: Facts, groups: Groups) -> tuple[Facts, Groups]:
    facts = {"evaluated": facts["step"]} | facts
    env = facts.get("env")
    if isinstance(env, Mapping):
        facts = facts | {"env": {"model_sha256": None, **env}}
    if facts.get("engine") == "ppo" and {"policy", "train"} <= set(groups):
        networks = {
            f"learned/{name}": array
            for name, array in groups["policy"].items()
            if not name.startswith("normalizer/")
        }
        if not _mirrored(facts) and not any(map(groups["train"].__contains__, networks)):
            groups = groups | {"train": networks | groups["train"]}
    return facts, groups


def _mirrored(facts: Facts) -> bool:
    """Whether what is learned is not the networks themselves."""
    config = facts.get("config")
    ppo = config.get("ppo") if isinstance(config, Mapping) else None
    return isinstance(ppo, Mapping) and bool(ppo.get("mirror"))


MIGRATIONS: tuple[Migration, ...] = (_one_zero,)  # from 1.0 on
assert len(MIGRATIONS) == manifest.SCHEMA["minor"], "a schema without its migration"
