"""Files for the tests of hostile input: intact and damaged runs, policies and settings."""

import shutil
from pathlib import Path

import numpy as np
import saved_policy
from checkpoints.foreign_cases import FOLDER
from checkpoints.sample_checkpoints import flip

from rlctl.actions.config import resolve_training
from rlctl.checkpoints import manifest, store
from rlctl.checkpoints.reading import load
from rlctl.core.runs import Run, provenance

SETTINGS = "[train]\nsteps = 1000\n[ppo]\nlearning_rate = 0.001\n"


def build(place: Path) -> None:
    """Create all files in a folder, which must be isolated already."""
    resumable(place / "runs" / "good")
    torn = shutil.copytree(place / "runs" / "good", place / "runs" / "torn")
    flip(next((torn / "checkpoints").glob("step_*")) / "policy.safetensors")
    shutil.copytree(shipped(), place / "policy")
    forged = shutil.copytree(shipped(), place / "forged")
    policy = manifest.salvage((forged / manifest.NAME).read_bytes())["policy"]
    reseal(forged, {"policy": policy | {"observation_size": "many"}})
    (place / "settings.toml").write_text(SETTINGS)
    (place / "torn.toml").write_text("[ppo\n")
    (place / "empty").mkdir()
    shutil.copy(FOLDER / "brax_3.pkl", place / "foreign.pkl")


def shipped() -> Path:
    """Return the folder of the smallest shipped policy."""
    return Path(store.__file__).parents[1] / "shipped" / "pendulum"


def resumable(folder: Path, bias: float = 0.0) -> Path:
    """Create a resumable run with an untrained policy; return its checkpoint."""
    held = load(saved_policy.save("pendulum", folder.with_name("made")))
    shutil.rmtree(folder.with_name("made"))
    settings = resolve_training("pendulum", "ppo")
    facts = {name: held.manifest[name] for name in ("engine", "env", "policy", "initial")}
    more = {"updates": 1, "episodes": 2, "seconds": 3.0, "seed": 0, "best": None, "evaluated": 0}
    more["metrics"] = {"return": {"mean": 5.0}}
    arrays = {name: array + np.float32(bias) for name, array in held.groups["policy"].items()}
    with Run.create("pendulum", "ppo", 0, folder) as run:
        run.write_config(
            {
                "env": "pendulum",
                "algo": "ppo",
                "settings": settings.to_json(),
                "origins": settings.origins,
                "provenance": provenance(),
                "resumed": [],
            }
        )
        run.metrics.write({"kind": "train", "steps": 1000, "seconds": 1.0, "return": 5.0})
        groups = {"policy": arrays, "train": arrays, "envs": arrays}
        return store.save(run.checkpoints, 1000, {**facts, **more}, groups)


def reseal(path: Path, changes: dict[str, object]) -> None:
    """Change members of a manifest and renew its digest."""
    file = path / manifest.NAME
    held = manifest.salvage(file.read_bytes())
    file.write_bytes(manifest.encode({**held, **changes}))
