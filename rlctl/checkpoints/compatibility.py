"""Compatibility check of a checkpoint with the current environment, settings and packages.

A changed observation or action layout is refused before any array is used. Other changes give a
warning: packages, timing, rewards, the physics model.
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
from rlctl.checkpoints import shipped
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core import device
from rlctl.core.config import path_settings
from rlctl.core.errors import Incompatible
from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart, PolicySpec

Part = ObservationPart | ActionPart
Warn = Callable[[str], None]
_WARNED = ("control_dt", "substeps", "episode_length", "terms", "commands", "achieved")
_TUNABLE = ("min_std", "var_scale", "normalizer_clip")  # may differ in a new training
_HINT = "use the version and settings of the environment that it was trained on"
_SETTINGS_HINT = "use the settings it was trained with (`rlctl inspect-ckpt` shows them)"
_INEXACT_CHOICES = (  # beyond migrations.EXACT
    "before rlctl 0.2 such actions were rounded to float32, so the environment received other "
    "actions than the policy chose: train again, rlctl train {}"
)


def check(checkpoint: Checkpoint, spec: EnvSpec, warn: Warn, exact: bool = False) -> None:
    """Check a checkpoint against the current environment and the installed packages.

    Args:
        checkpoint: The checkpoint to use.
        spec: The current spec of the environment.
        warn: Called with each change that does not prevent its use.
        exact: Whether to resume bit for bit, so that any change of a package version matters.

    Raises:
        Incompatible: The observation or action layout of the environment has changed.
    """
    then = check_saved(checkpoint)
    if then.id != spec.id:
        raise Incompatible(f"{checkpoint.path} is of environment {then.id}, not {spec.id}")
    for key in ("observation", "action"):
        for part, new in zip_longest(getattr(then, key), getattr(spec, key)):
            if part != new:
                raise Incompatible(
                    f"{checkpoint.path} was trained with another {key} layout than that of "
                    f"{spec.id}: {_describe_change(part, new)}",
                    _INEXACT_CHOICES.format(spec.id) if _renumbered(part, new) else _HINT,
                )
    pairs = ((name, getattr(then, name), getattr(spec, name)) for name in _WARNED)
    changes = [f"{name} was {was}, is now {now}" for name, was, now in pairs if was != now]
    # None on either side: an old checkpoint, or an environment without its own MJCF.
    saved = checkpoint.manifest["env"]
    model, now = saved.get("model_sha256"), model_digest(spec.id, saved.get("config"))
    if None not in (model, now) and model != now:
        changes.append("its physics model (MJCF) is different")
    if changes:
        warn(f"{spec.id} has changed since {checkpoint.path} was saved: {'; '.join(changes)}")
    warn_packages(checkpoint, warn, exact)
    if exact:
        warn_cores(checkpoint, warn)


def check_saved(checkpoint: Checkpoint) -> EnvSpec:
    """Return the checkpoint's environment spec, after comparing it with its policy spec.

    Raises:
        Incompatible: A spec is missing, or the two contradict each other.
    """
    env, policy = checkpoint.env, checkpoint.policy
    # The two specs repeat these members. A difference means that one was edited.
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
                f"{checkpoint.path} contradicts itself: {name} is {ours} in its policy spec, "
                f"and {its} in its environment spec",
                "it was changed after it was saved; use another checkpoint",
            )
    return env


def check_policy(checkpoint: Checkpoint, spec: PolicySpec, warn: Warn, exact: bool) -> None:
    """Check a checkpoint's policy spec against the policy that will train from its arrays.

    Args:
        checkpoint: The checkpoint whose arrays are loaded.
        spec: The spec of the new policy.
        warn: Called with each difference that a new training may have.
        exact: Whether no difference is allowed.

    Raises:
        Incompatible: With this spec the arrays would be a different policy.
    """
    then = checkpoint.policy
    if then.kind != spec.kind:
        raise Incompatible(
            f"{checkpoint.path} has a policy of kind {then.kind}, not {spec.kind}", _SETTINGS_HINT
        )
    for field in fields(spec):
        was, now = getattr(then, field.name), getattr(spec, field.name)
        if was == now:
            continue
        if exact or field.name not in _TUNABLE:
            raise Incompatible(
                f"{checkpoint.path} has a policy with {field.name} {was}, not {now}",
                _SETTINGS_HINT,
            )
        warn(f"{field.name} of {checkpoint.path} was {was}, is now {now}")


def warn_packages(checkpoint: Checkpoint, warn: Warn, exact: bool = False) -> None:
    """Warn of changed package versions; of patch releases only if `exact`.

    Shipped policies give no warning: they are tested with this version of rlctl.
    """
    if checkpoint.path.parent == shipped.FOLDER:
        return
    differing = changed_packages(checkpoint.manifest)
    if not exact:  # whatever needs an absent package reports it
        differing = {
            name: (then, now)
            for name, (then, now) in differing.items()
            if now is not None and then.split(".")[:2] != now.split(".")[:2]
        }
    if differing:
        listed = (f"{name} {then} -> {now or 'none'}" for name, (then, now) in differing.items())
        consequence = "; it may not resume bit for bit" if exact else ""
        warn(f"{checkpoint.path} was saved with other packages: {', '.join(listed)}{consequence}")


def warn_cores(checkpoint: Checkpoint, warn: Warn) -> None:
    """Warn if XLA has another number of cores on this CPU, between which it divides its sums."""
    provenance, now = checkpoint.manifest.get("provenance"), device.cores()
    then = provenance.get("cores") if isinstance(provenance, Mapping) else None
    if isinstance(then, int) and then != now and device.expected() == "cpu":
        warn(
            f"{checkpoint.path} was saved by a process with {then} cores, and this one has {now}: "
            f"it may not resume bit for bit; jax does with NPROC={then} in the environment"
        )


def changed_packages(facts: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Return package -> (saved version, installed version or None) where they differ."""
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


def model_digest(env: str, config: Any = None) -> str | None:
    """Return the SHA-256 of an environment's MJCF files and of files in its settings, None if none.

    Hashes the sources, sorted by name and with normalised line ends: the compiled model differs
    between versions of MuJoCo.

    Args:
        env: The environment's catalog name.
        config: Its settings by name, as in a manifest.
    """
    row = catalog.env(env)
    package = row.target.partition(":")[0].rpartition(".")[0]
    # find_spec locates the package without importing it (and jax with it).
    found = find_spec(package) if package else None
    folders = found.submodule_search_locations if found else None
    sources = sorted(path for folder in folders or () for path in Path(folder).rglob("*.xml"))
    given = config if isinstance(config, dict) else {}
    named = path_settings(catalog.load(row.config), given).values()
    files = [path for path in map(Path, sorted(named)) if path.is_file()]
    if not (sources or files):
        return None
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    for path in files:  # by content: the same file may be elsewhere
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _renumbered(then: Part | None, now: Part | None) -> bool:
    """Return whether discrete actions used to start at another number, and now start at 0."""
    if not (isinstance(then, ActionPart) and isinstance(now, ActionPart)):
        return False
    return then.discrete and now.discrete and then.low != now.low == 0


def _describe_change(then: Part | None, now: Part | None) -> str:
    """Describe how a part of a layout has changed."""
    if then is None or now is None:
        part = then or now
        assert part is not None  # a change has at least one side
        return f"{part.name} was {'removed' if then else 'added'}"
    names = [field.name for field in fields(now) if field.compare]
    name = next(name for name in names if getattr(then, name) != getattr(now, name))
    was, is_ = getattr(then, name), getattr(now, name)
    return f"the {name} of {then.name} was {was}, is now {is_}"
