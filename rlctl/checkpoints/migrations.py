"""Migrations: older checkpoint schemas converted to the current one, in memory.

A migration is a pure function from (manifest, groups of arrays) of one minor schema to those of the
next. Files are never rewritten, and the manifest keeps the schema it was written in.

    1.0 -> 1.1    env.model_sha256, the digest of the physics model's source: unknown, so null;
                  evaluated, the step of the last evaluation: the checkpoint's step;
                  train.learned/..., missing in the first PPO checkpoints: the networks' weights
    1.1 -> 1.2    actions of a Discrete space are numbered from 0, not from the space's start
    1.2 -> 1.3    policy.kind, the kind of the policy's spec: all were of kind mlp
"""

from collections.abc import Callable, Mapping
from typing import Any

from rlctl.checkpoints import manifest
from rlctl.checkpoints.arrays import Arrays

EXACT = 2**24  # actions are float32, which is exact for integers up to this
Facts = dict[str, Any]
Groups = dict[str, Arrays]
Migration = Callable[[Facts, Groups], tuple[Facts, Groups]]


def migrate(facts: Facts, groups: Groups) -> tuple[Facts, Groups]:
    """Convert a verified manifest and its arrays to the current schema; keep newer ones."""
    for step in MIGRATIONS[facts["schema"]["minor"] :]:
        facts, groups = step(facts, groups)
    return facts, groups


def _from_1_0(facts: Facts, groups: Groups) -> tuple[Facts, Groups]:
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
        # Symmetric networks are trained in other parameters, which cannot be derived here.
        if not _is_symmetric(facts) and not any(map(groups["train"].__contains__, networks)):
            groups = groups | {"train": networks | groups["train"]}
    return facts, groups


def _from_1_1(facts: Facts, groups: Groups) -> tuple[Facts, Groups]:
    """Renumber discrete actions from 0 if exact in float32; `compatibility` refuses others."""
    env, policy = _object(facts.get("env")), _object(facts.get("policy"))
    spec = _object(env.get("spec"))
    parts = spec.get("action")
    part = _object(parts[0]) if isinstance(parts, list) and len(parts) == 1 else {}
    low, high = part.get("low"), part.get("high")
    bounds = (policy.get("action_low"), policy.get("action_high"))
    if not part.get("discrete") or bounds != ([low], [high]):
        return facts, groups
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        return facts, groups
    if max(abs(low), abs(high)) > EXACT:
        return facts, groups
    spec = spec | {"action": [part | {"low": 0, "high": high - low}]}
    policy = policy | {"action_low": [0], "action_high": [high - low]}
    return facts | {"env": env | {"spec": spec}, "policy": policy}, groups


def _from_1_2(facts: Facts, groups: Groups) -> tuple[Facts, Groups]:
    policy = facts.get("policy")
    return (facts | {"policy": {"kind": "mlp", **policy}} if policy else facts), groups


def _is_symmetric(facts: Facts) -> bool:
    """Return whether the learned parameters are those of symmetric networks."""
    return bool(_object(_object(facts.get("config")).get("ppo")).get("mirror"))


def _object(member: Any) -> dict[str, Any]:
    """Return a member that is a JSON object; {} for any other."""
    return member if isinstance(member, dict) else {}


MIGRATIONS: tuple[Migration, ...] = (_from_1_0, _from_1_1, _from_1_2)  # from 1.0 on
assert len(MIGRATIONS) == manifest.SCHEMA["minor"], "a schema without its migration"
