"""Import a policy that another tool saved, as a checkpoint."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.checkpoints import store
from rlctl.checkpoints.foreign.adapt import AdaptedPolicy, adapt, find_mismatch
from rlctl.checkpoints.foreign.base import ForeignPolicy
from rlctl.checkpoints.foreign.sandbox import read
from rlctl.checkpoints.foreign.source import STATISTICS, Source, open_source, with_file
from rlctl.checkpoints.reading import UNFINISHED, load
from rlctl.core.checkpoint_names import step_of
from rlctl.core.config import Resolved, resolve, set_layer
from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.files import atomic_output
from rlctl.core.runs import provenance
from rlctl.core.specs import EnvSpec
from rlctl.policies.base import check_arrays
from rlctl.policies.mlp.kind import ACTIVATIONS


@dataclass(frozen=True)
class ImportRequest:
    """Request for an import.

    Attributes:
        source: The file or folder.
        out: The checkpoint's folder; it must not exist yet.
        env: Environment of the policy; None for the only one of the catalog that fits.
        activation: Activation of the hidden layers, if the file does not name it; None for the
            tool's default.
        obs_clip: Clipping bound of normalised observations, None without clipping.
        overrides: `env.key=value` settings the policy was trained with.
        actor: Prefixes of the policy's layers in a state dict, in order, separated by commas; ""
            to infer them from the names.
        vec_normalize: File that Stable-Baselines3's VecNormalize saved, None without it.
    """

    source: Path
    out: Path
    env: str | None = None
    activation: str | None = None
    obs_clip: float | None = None
    overrides: Sequence[str] = ()
    actor: str = ""
    vec_normalize: Path | None = None


@dataclass(frozen=True)
class Imported:
    """An imported policy.

    Attributes:
        path: The checkpoint's folder.
        env: The environment.
        step: Environment steps trained, 0 if unknown.
        format: Format of the source.
        policy: The policy's spec.
        value: Whether the value function was imported too.
        notes: Assumptions and omissions.
    """

    path: Path
    env: str
    step: int
    format: str
    policy: dict[str, Any]
    value: bool
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def import_(request: ImportRequest) -> Imported:
    """Import a policy that Brax, Stable-Baselines3, rsl_rl or PyTorch saved.

    Raises:
        UsageError: `out` exists, or several environments fit.
        NotFound, Damaged, Unsafe, Diverged: The source is missing or incomplete, would run code
            or exhaust the machine, or holds values that are not finite.
        Incompatible: rlctl cannot represent the policy, or it does not fit the environment.
        OutOfSpace: The checkpoint cannot be written.
    """
    _validate(request)
    source = _source(request)
    foreign = read(source, request.actor)
    _check_options(request, source, foreign)
    env = request.env or _infer_env(foreign, source)
    config, spec = _environment(env, request.overrides)
    try:
        fitted = adapt(foreign, spec, request.activation, request.obs_clip)
    except Incompatible as error:
        raise Incompatible(
            f"{source.name}, {error.message}",
            "name the environment it was trained in: --env NAME, if necessary with its settings "
            "(--set env.KEY=VALUE)",
        ) from error
    check_arrays(fitted.spec, fitted.arrays)
    facts = _facts(source, foreign, fitted, spec, config)
    step = foreign.step or source.step
    with atomic_output(request.out) as temp:
        store.save(temp.parent, step, facts, {"policy": fitted.arrays}).rename(temp)
    load(request.out)  # verifies what was written
    return Imported(
        path=request.out,
        env=env,
        step=step,
        format=foreign.format,
        policy=fitted.spec.to_json(),
        value="value/hidden_0/kernel" in fitted.arrays,
        notes=fitted.notes,
    )


def _validate(request: ImportRequest) -> None:
    if request.env is not None:
        catalog.env(request.env)
    elif request.overrides:
        raise UsageError(
            "--set changes an environment's settings", "name the environment: --env NAME"
        )
    if request.activation not in (None, *ACTIVATIONS):
        raise UsageError(
            f"there is no activation {request.activation!r}; there are {', '.join(ACTIVATIONS)}"
        )
    if request.obs_clip is not None and not 0.0 < request.obs_clip < math.inf:
        raise UsageError(
            f"--obs-clip {request.obs_clip:g} is not a clipping bound", "give a number above 0"
        )
    name = request.out.name
    if step_of(name) is not None or name.startswith(UNFINISHED) or not name:
        raise UsageError(
            f"a checkpoint cannot be named {str(request.out)!r}", "give another name to --out"
        )
    if request.out.exists() or request.out.is_symlink():
        raise UsageError(f"{request.out} already exists", "give another --out, or move it away")


def _source(request: ImportRequest) -> Source:
    """Open the source.

    Raises:
        UsageError: An option does not apply to its format.
    """
    source = open_source(request.source)
    if request.actor and source.kind != "torch":
        raise UsageError(
            f"{source.name} is not a PyTorch state dict, so --actor does not apply",
            "leave --actor out",
        )
    if request.vec_normalize is None:
        return source
    if source.kind != "sb3":
        raise UsageError(
            f"{source.name} is not a zip of Stable-Baselines3", "leave --vec-normalize out"
        )
    return with_file(source, request.vec_normalize, STATISTICS)


def _check_options(request: ImportRequest, source: Source, foreign: ForeignPolicy) -> None:
    """Refuse options that contradict the file or do not apply to it."""
    if foreign.activation and request.activation not in (None, foreign.activation):
        raise UsageError(
            f"{source.name} has the activation {foreign.activation}, not {request.activation}",
            "leave --activation out",
        )
    if request.obs_clip is not None and foreign.clip not in (None, request.obs_clip):
        raise UsageError(
            f"{source.name} clips observations at {foreign.clip:g}",
            "leave --obs-clip out",
        )
    if request.obs_clip is not None and "normalizer/mean" not in foreign.arrays:
        raise UsageError(
            f"{source.name} does not normalise observations, so --obs-clip does not apply",
            "leave --obs-clip out",
        )


def _infer_env(foreign: ForeignPolicy, source: Source) -> str:
    """Return the environment of the catalog that the policy fits.

    Raises:
        UsageError: Several fit.
        Incompatible: None fits.
    """
    last = foreign.outputs("policy")[-1]
    fitting = [
        row.name
        for row in catalog.envs().values()
        if row.observation >= foreign.inputs  # privileged observations may be left out
        and row.action in (last, last / 2)  # a tanh-normal policy has two outputs per action
        and not find_mismatch(foreign, _environment(row.name)[1])
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(
            f"{source.name} fits {' and '.join(fitting)}", "choose one with --env NAME"
        )
    raise Incompatible(
        f"{source.name} has {foreign.inputs} inputs and {last} outputs; "
        "no environment of the catalog fits",
        "name the one it was trained in: --env NAME (gym:ID and brax:NAME too), "
        "if necessary with its settings (--set env.KEY=VALUE)",
    )


def _environment(name: str, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], EnvSpec]:
    """Return the settings of an environment as plain data, and its spec."""
    from rlctl.rollouts.factory import make_environment

    sections = {"env": catalog.load(catalog.env(name).config)}
    resolved: Resolved = resolve(sections, [set_layer(list(overrides))])
    return resolved.to_json()["env"], make_environment(name, resolved["env"]).spec


def _facts(
    source: Source,
    foreign: ForeignPolicy,
    fitted: AdaptedPolicy,
    spec: EnvSpec,
    config: dict[str, Any],
) -> dict[str, Any]:
    """Return the facts for the manifest."""
    return {
        "engine": "imported",
        "env": {"id": spec.id, "config": config, "spec": spec.to_json()},
        "policy": fitted.spec.to_json(),
        "imported_from": {
            "format": foreign.format,
            "name": source.name,
            "notes": fitted.notes,
            "files": source.digests,
        },
        "provenance": provenance(),
    }
