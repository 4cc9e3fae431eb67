"""Make a checkpoint of a policy that another tool saved."""

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
from rlctl.checkpoints.reading import STEP_NAME, UNFINISHED, load
from rlctl.core.config import Resolved, resolve, set_layer
from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.files import atomic_output
from rlctl.core.runs import provenance
from rlctl.core.specs import EnvSpec
from rlctl.policies.base import ACTIVATIONS, check_arrays


@dataclass(frozen=True)
class ImportRequest:
    """What to import.

    Attributes:
        source: The file or folder.
        out: The checkpoint's folder; nothing may be there yet.
        env: The environment it is of; None for the only one of the catalog that fits.
        activation: Of the hidden layers, where the file does not tell; None for what is usual.
        obs_clip: The bound on normalised observations, None for none.
        overrides: `env.key=value` settings it was trained with.
        actor: Prefixes of the policy's layers in a state dict, in order and joined by commas; ""
            where their names tell.
        vec_normalize: The statistics that Stable-Baselines3's VecNormalize saved, None without.
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
    """What was made.

    Attributes:
        path: The checkpoint's folder.
        env: The environment.
        step: Environment steps trained, 0 where nothing tells.
        format: What it was saved as.
        policy: The policy's spec.
        value: Whether the value function came with it.
        notes: What had to be assumed or left out.
    """

    path: Path
    env: str
    step: int
    format: str
    policy: dict[str, Any]
    value: bool
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def import_(request: ImportRequest) -> Imported:
    """Write a checkpoint of a policy that Brax, Stable-Baselines3, rsl_rl or PyTorch saved.

    Raises:
        UsageError: There is something at `out`, or several environments or none would fit.
        NotFound, Damaged, Unsafe, Diverged: The source is not there, not whole, would run code or
            exhaust the machine, or is not finite.
        Incompatible: It is no policy that rlctl has words for, or not one of the environment.
        OutOfSpace: It cannot be written.
    """
    _check_request(request)
    source = _source(request)
    foreign = read(source, request.actor)
    _check_told(request, source, foreign)
    env = request.env or _only_one(foreign, source)
    config, spec = _environment(env, request.overrides)
    try:
        fitted = adapt(foreign, spec, request.activation, request.obs_clip)
    except Incompatible as error:
        raise Incompatible(
            f"{source.name}, {error.message}",
            "name the environment it was trained in: --env NAME, with its settings if need be "
            "(--set env.KEY=VALUE)",
        ) from error
    check_arrays(fitted.spec, fitted.arrays)
    facts = _facts(source, foreign, fitted, spec, config)
    step = foreign.step or source.step
    with atomic_output(request.out) as place:
        store.save(place.parent, step, facts, {"policy": fitted.arrays}).rename(place)
    load(request.out)
    return Imported(
        path=request.out,
        env=env,
        step=step,
        format=foreign.format,
        policy=fitted.spec.to_json(),
        value="value/hidden_0/kernel" in fitted.arrays,
        notes=fitted.notes,
    )


def _check_request(request: ImportRequest) -> None:
    if request.env is not None:
        catalog.env(request.env)
    elif request.overrides:
        raise UsageError("--set is about an environment", "name it: --env NAME")
    if request.activation not in (None, *ACTIVATIONS):
        raise UsageError(
            f"there is no activation {request.activation!r}; there are {', '.join(ACTIVATIONS)}"
        )
    if request.obs_clip is not None and not 0.0 < request.obs_clip < math.inf:
        raise UsageError(f"--obs-clip {request.obs_clip:g} is no bound", "give a number above 0")
    name = request.out.name
    if STEP_NAME.fullmatch(name) or name.startswith(UNFINISHED) or not name:
        raise UsageError(
            f"{str(request.out)!r} is no name for it", "give a folder of another name to --out"
        )
    if request.out.exists() or request.out.is_symlink():
        raise UsageError(f"{request.out} is there already", "give another --out, or move it away")


def _source(request: ImportRequest) -> Source:
    """What is to be read.

    Raises:
        UsageError: An option is of no use to it.
    """
    source = open_source(request.source)
    if request.actor and source.kind != "torch":
        raise UsageError(
            f"{source.name} is no PyTorch state dict, whose layers could be named",
            "leave --actor out",
        )
    if request.vec_normalize is None:
        return source
    if source.kind != "sb3":
        raise UsageError(
            f"{source.name} is no zip of Stable-Baselines3", "leave --vec-normalize out"
        )
    return with_file(source, request.vec_normalize, STATISTICS)


def _check_told(request: ImportRequest, source: Source, foreign: ForeignPolicy) -> None:
    """Refuse to be told what the file says otherwise, or what is of no use to it."""
    if foreign.activation and request.activation not in (None, foreign.activation):
        raise UsageError(
            f"{source.name} says that its activation is {foreign.activation}, "
            f"not {request.activation}",
            "leave --activation out",
        )
    if request.obs_clip is not None and foreign.clip not in (None, request.obs_clip):
        raise UsageError(
            f"{source.name} says that observations are cut off at {foreign.clip:g}",
            "leave --obs-clip out",
        )
    if request.obs_clip is not None and "normalizer/mean" not in foreign.arrays:
        raise UsageError(
            f"{source.name} does not normalise observations, so none are cut off",
            "leave --obs-clip out",
        )


def _only_one(foreign: ForeignPolicy, source: Source) -> str:
    """The environment of the catalog that the policy fits.

    Raises:
        UsageError: There are several.
        Incompatible: There is none.
    """
    last = foreign.outputs("policy")[-1]
    fitting = [
        row.name
        for row in catalog.envs().values()
        if row.observation >= foreign.inputs
        and row.action in (last, last / 2)
        and not find_mismatch(foreign, _environment(row.name)[1])
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(
            f"{source.name} could be of {' or '.join(fitting)}", "say which with --env NAME"
        )
    raise Incompatible(
        f"{source.name} takes {foreign.inputs} numbers and gives {last}; no environment of the "
        "catalog is like that",
        "name the one it was trained in: --env NAME (gym:ID and brax:NAME too), with its settings "
        "if need be (--set env.KEY=VALUE)",
    )


def _environment(name: str, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], EnvSpec]:
    """The settings of an environment as plain data, and its spec."""
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
    """The manifest's."""
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
