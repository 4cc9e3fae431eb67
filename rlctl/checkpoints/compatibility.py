"""What has changed since a checkpoint was written.

A policy that would see or do other things than it was trained on is refused before one of its
arrays is used; whatever else has changed is told: packages, timing, rewards, the physics model.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rlctl import __version__, catalog
from rlctl.catalog import EnvRow
from rlctl.checkpoints import shipped
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Incompatible
from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart, PolicySpec

Part = ObservationPart | ActionPart
Tell = Callable[[str], None]
_TOLD = ("control_dt", "substeps", "episode_length", "terms", "commands", "achieved")
_TUNABLE = ("min_std", "var_scale", "normalizer_clip")  # what a new training may choose otherwise
_HINT = "use the version and settings of the environment that it was trained on"
_INEXACT_CHOICES = (  # beyond migrations.EXACT
    "before rlctl 0.2 such choices were rounded to float32, and others were sent than the policy "
    "chose: train again, rlctl train {}"
)


def check(checkpoint: Checkpoint, spec: EnvSpec, tell: Tell, exact: bool = False) -> None:
    """Hold a checkpoint against the environment that it is to act in, and this installation.

    Args:
        checkpoint: What is about to be used.
        spec: The environment's, as it is now.
        tell: Told of what has changed and does not forbid it.
        exact: Whether it is to go on bit for bit, where every package's every version matters.

    Raises:
        Incompatible: The environment observes or accepts something else now.
    """
    then = check_saved(checkpoint)
    if then.id != spec.id:
        raise Incompatible(f"{checkpoint.path} is of environment {then.id}, not {spec.id}")
    for key in ("observation", "action"):
        for part, new in zip_longest(getattr(then, key), getattr(spec, key)):
            if part != new:
                raise Incompatible(
                    f"{checkpoint.path} was trained on another {key} than {spec.id} has now: "
                    f"{_difference(part, new)}",
                    _INEXACT_CHOICES.format(spec.id) if _renumbered(part, new) else _HINT,
                )
    pairs = ((name, getattr(then, name), getattr(spec, name)) for name in _TOLD)
    changes = [f"{name} was {was}, and is {now}" for name, was, now in pairs if was != now]
    model, now = checkpoint.manifest["env"].get("model_sha256"), model_digest(spec.id)
    if None not in (model, now) and model != now:
        changes.append("its physics model (MJCF) was another")
    if changes:
        tell(f"{spec.id} has changed since {checkpoint.path} was saved: {'; '.join(changes)}")
    tell_packages(checkpoint, tell, exact)


def check_saved(checkpoint: Checkpoint) -> EnvSpec:
    """The environment as a checkpoint describes it, once that agrees with its policy.

    Raises:
        Incompatible: It does not say, or the two contradict each other.
    """
    env, policy = checkpoint.env, _policy(checkpoint)
    pairs = {
        "observation_size": (policy.observation_size, env.observation_size),
        "policy_size": (policy.policy_size, env.policy_size),
        "action_low": (policy.action_low, tuple(part.low for part in env.action)),
        "action_high": (policy.action_high, tuple(part.high for part in env.action)),
        "id": (checkpoint.manifest["env"].get("id"), env.id),
    }
    for name, (ours, its) in pairs.items():
        if ours != its:
            raise Incompatible(
                f"{checkpoint.path} contradicts itself: {name} is {ours}, and {its} by the spec of "
                "its environment",
                "it was changed after it was saved; use another checkpoint",
            )
    return env


def check_policy(checkpoint: Checkpoint, spec: PolicySpec, tell: Tell, exact: bool) -> None:
    """Hold a checkpoint's policy against the one that is about to learn on from its arrays.

    Args:
        checkpoint: Whose arrays are taken.
        spec: What they will mean.
        tell: Told of what a new training may well do otherwise.
        exact: Whether nothing may differ.

    Raises:
        Incompatible: The same arrays would be another policy.
    """
    then = _policy(checkpoint)
    for field in fields(spec):
        was, now = getattr(then, field.name), getattr(spec, field.name)
        if was == now:
            continue
        if exact or field.name not in _TUNABLE:
            raise Incompatible(
                f"{checkpoint.path} has a policy of {field.name} {was}, not {now}",
                "use the settings it was trained with (`rlctl inspect-ckpt` shows them)",
            )
        tell(f"{field.name} of {checkpoint.path} was {was}, and is {now} from here on")


def tell_packages(checkpoint: Checkpoint, tell: Tell, exact: bool = False) -> None:
    """Tell of packages whose versions differ: beyond the third number only where `exact`.

    Nothing is told of what ships: this very version of rlctl was tested with it.
    """
    if checkpoint.path.parent == shipped.FOLDER:
        return
    differing = packages(checkpoint.manifest)
    if not exact:  # absent ones are told by whatever needs them
        differing = {
            name: (then, now)
            for name, (then, now) in differing.items()
            if now is not None and then.split(".")[:2] != now.split(".")[:2]
        }
    if differing:
        listed = (f"{name} {then} -> {now or 'none'}" for name, (then, now) in differing.items())
        then_what = "; it may not go on bit for bit" if exact else ""
        tell(f"{checkpoint.path} was saved with other packages: {', '.join(listed)}{then_what}")


def packages(facts: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Package -> saved and installed version (None without), where the two differ."""
    provenance = facts.get("provenance")
    saved = provenance.get("packages") if isinstance(provenance, Mapping) else None
    differing: dict[str, tuple[str, str | None]] = {}
    for name, then in saved.items() if isinstance(saved, Mapping) else ():
        now = __version__ if name == "rlctl" else None
        with suppress(PackageNotFoundError, ValueError):
            now = now or version(name)
        if then is not None and str(then) != now:
            differing[name] = (str(then), now)
    return differing


def model_digest(env: str) -> str | None:
    """SHA-256 of the MJCF that an environment comes with, None where it has none of its own.

    Of the sources, in the order of their names: what MuJoCo compiles them to differs from version
    to version, and line ends from system to system.
    """
    row = catalog.env(env)
    package = row.target.partition(":")[0].rpartition(".")[0]
    found = find_spec(package) if isinstance(row, EnvRow) and package else None
    folders = found.submodule_search_locations if found else None
    sources = sorted(path for folder in folders or () for path in Path(folder).rglob("*.xml"))
    if not sources:
        return None
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _policy(checkpoint: Checkpoint) -> PolicySpec:
    try:
        return PolicySpec.from_json(checkpoint.manifest["policy"])
    except (KeyError, ValueError) as error:
        raise Incompatible(
            f"{checkpoint.path} does not say what its policy is: {error}",
            "train with this version of rlctl, or use the one that wrote it",
        ) from error


def _renumbered(then: Part | None, now: Part | None) -> bool:
    """Tell whether discrete actions were numbered from another start, and are from 0 now."""
    if not (isinstance(then, ActionPart) and isinstance(now, ActionPart)):
        return False
    return then.discrete and now.discrete and then.low != now.low == 0


def _difference(then: Part | None, now: Part | None) -> str:
    """How a part of a layout has changed."""
    if then is None or now is None:
        return f"{(then or now).name} was {'there' if then else 'not there'} then"
    names = [field.name for field in fields(now) if field.compare]
    name = next(name for name in names if getattr(then, name) != getattr(now, name))
    was, is_ = getattr(then, name), getattr(now, name)
    return f"the {name} of {then.name} was {was} then, and is {is_} now"
