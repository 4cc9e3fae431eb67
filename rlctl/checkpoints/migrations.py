"""Checkpoints of older schemas as this one would have written them, in memory alone.

A migration is a pure function from (manifest, groups of arrays) of one minor schema to those of the
next. Files are never rewritten, and the manifest goes on saying which schema it was written in.

    1.0 -> 1.1    env.model_sha256, the digest of the physics model's source, not known before;
                  evaluated, the step of the last evaluation: all that were due had been made;
                  train.learned/..., which the first checkpoints of PPO lack: it was the networks
    1.1 -> 1.2    choices of a Discrete space are numbered from 0, not from where the space starts
"""

from collections.abc import Callable, Mapping
from typing import Any

from rlctl.checkpoints import manifest
from rlctl.checkpoints.arrays import Arrays

EXACT = 2**24  # float32, which actions are in, holds every whole number up to it
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


def _one_one(facts: Facts, groups: Groups) -> tuple[Facts, Groups]:
    """Number discrete actions from 0, where float32 held them exactly; drift refuses the others."""
    env, policy = facts.get("env"), facts.get("policy")
    spec = env.get("spec") if isinstance(env, Mapping) else None
    parts = spec.get("action") if isinstance(spec, Mapping) else None
    part = parts[0] if isinstance(parts, list) and len(parts) == 1 else None
    if not isinstance(policy, Mapping) or not isinstance(part, Mapping) or not part.get("discrete"):
        return facts, groups
    low, high = part.get("low"), part.get("high")
    bounds = (policy.get("action_low"), policy.get("action_high"))
    if bounds != ([low], [high]) or not all(isinstance(x, int | float) for x in (low, high)):
        return facts, groups
    if max(abs(low), abs(high)) > EXACT:
        return facts, groups
    spec = spec | {"action": [part | {"low": 0, "high": high - low}]}
    policy = policy | {"action_low": [0], "action_high": [high - low]}
    return facts | {"env": env | {"spec": spec}, "policy": policy}, groups


def _mirrored(facts: Facts) -> bool:
    """Whether what is learned is not the networks themselves."""
    config = facts.get("config")
    ppo = config.get("ppo") if isinstance(config, Mapping) else None
    return isinstance(ppo, Mapping) and bool(ppo.get("mirror"))


MIGRATIONS: tuple[Migration, ...] = (_one_zero, _one_one)  # from 1.0 on
assert len(MIGRATIONS) == manifest.SCHEMA["minor"], "a schema without its migration"
