"""Changes since a checkpoint was saved are refused or give a warning."""

import json
import shutil
from pathlib import Path

import pytest
import saved_policy
from checkpoints.resealed import forge, spec_changes

from rlctl.actions.compare import CompareRequest, compare_backends
from rlctl.actions.evaluate import EvalRequest, evaluate
from rlctl.actions.export import export
from rlctl.checkpoints import compatibility, shipped
from rlctl.checkpoints.reading import load
from rlctl.core.errors import Incompatible
from rlctl.envs.pendulum.env import Pendulum
from rlctl.policies.base import policy_of
from rlctl.policies.mlp.spec import MLPSpec

RELEASED = Path(__file__).parent / "released"
CHANGES = dict(
    spec_changes(
        json.loads(next(RELEASED.glob("1.0/ppo/checkpoints/step_*/manifest.json")).read_bytes())
    )
)
HARMLESS = {
    "env.spec.observation.weight",  # of learning alone, and the normaliser has its own
    "env.spec.cameras",  # of films, which take those there are
    "policy.value_hidden_layer_sizes",  # not needed to act
}
ONLY_HERE = {"policy.activation", "policy.min_std", "policy.var_scale"} | {
    f"policy.{name}" for name in ("normalize", "normalizer_clip", "value_hidden_layer_sizes")
}  # what a policy says of itself, and nobody else knows better


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return saved_policy.save(out=tmp_path / "run")


@pytest.mark.parametrize("change", sorted(set(CHANGES) - ONLY_HERE))
def test_a_spec_that_differs_is_refused_or_told(change, path):
    forge(path, CHANGES[change])
    warnings = []
    try:
        compatibility.check(load(path), Pendulum.spec, warnings.append)
        policy_of(load(path))
    except Incompatible:
        assert change not in HARMLESS
    else:
        assert bool(warnings) != (change in HARMLESS)


@pytest.mark.parametrize("change", [name for name in CHANGES if name.startswith("policy.")])
def test_no_training_goes_on_from_another_policy(change, path):
    spec = MLPSpec.from_json(load(path).manifest["policy"])
    forge(path, CHANGES[change])
    with pytest.raises(Incompatible, match=change.partition(".")[2]):
        compatibility.check_policy(load(path), spec, lambda line: None, exact=True)


def test_a_new_training_may_choose_the_noise_otherwise(path):
    spec = MLPSpec.from_json(load(path).manifest["policy"])
    compatibility.check_policy(load(path), spec, pytest.fail, exact=True)
    forge(path, CHANGES["policy.normalizer_clip"])
    warnings = []
    compatibility.check_policy(load(path), spec, warnings.append, exact=False)
    assert warnings == [f"normalizer_clip of {path} was 1.0, is now None"]


def test_what_is_not_said_is_not_guessed(path):
    forge(path, lambda content: content["env"]["spec"].pop("action"))
    with pytest.raises(Incompatible, match="has no valid environment spec"):
        compatibility.check(load(path), Pendulum.spec, pytest.fail)


def test_members_of_a_later_minor_schema_are_left_alone(path):
    def later(content):
        content["schema"]["minor"] = 99
        content["env"]["spec"]["gravity"] = -9.81
        content["env"]["spec"]["observation"][0]["colour"] = "red"

    compatibility.check(load(forge(path, later)), Pendulum.spec, pytest.fail)


def saved_with(path: Path, **versions: str) -> None:
    """Change the saved package versions in place."""

    def change(content):
        packages = content.setdefault("provenance", {}).setdefault("packages", {})
        packages |= {name.replace("_", "-"): version for name, version in versions.items()}

    forge(path, change)


def test_other_packages_are_told_once_and_by_name(path):
    jax, mujoco = (compatibility.version(name) for name in ("jax", "mujoco"))
    saved_with(
        path, jax="0.1.0", mujoco="3.16.0", numpy=compatibility.version("numpy"), rlctl="0.0.9"
    )
    warnings = []
    compatibility.check(load(path), Pendulum.spec, warnings.append)
    ours = compatibility.__version__
    assert warnings == [
        f"{path} was saved with other packages: jax 0.1.0 -> {jax}, mujoco 3.16.0 -> {mujoco}, "
        f"rlctl 0.0.9 -> {ours}"
    ]


def test_the_third_number_matters_only_where_all_is_to_be_as_it_was(path):
    jax = compatibility.version("jax")
    other = ".".join([*jax.split(".")[:2], "999"])
    saved_with(path, jax=other, gone_package="1.0")
    compatibility.check(load(path), Pendulum.spec, pytest.fail)
    warnings = []
    compatibility.check(load(path), Pendulum.spec, warnings.append, exact=True)
    assert warnings == [
        f"{path} was saved with other packages: jax {other} -> {jax}, gone-package 1.0 -> none; "
        "it may not resume bit for bit"
    ]


def test_what_ships_says_nothing_of_packages(path, monkeypatch):
    saved_with(path, jax="0.1.0")
    monkeypatch.setattr(shipped, "FOLDER", path.parent)
    compatibility.check(load(path), Pendulum.spec, pytest.fail)


def test_another_physics_model_is_told(path):
    compatibility.check(
        load(forge(path, digest(compatibility.model_digest("pendulum")))),
        Pendulum.spec,
        pytest.fail,
    )
    warnings = []
    compatibility.check(load(forge(path, digest("0" * 64))), Pendulum.spec, warnings.append)
    assert len(warnings) == 1
    assert "its physics model (MJCF) is different" in warnings[0]


def digest(value):
    return lambda content: content["env"].update(model_sha256=value)


def test_a_model_is_known_by_its_source_whatever_the_line_ends(tmp_path, monkeypatch):
    before = compatibility.model_digest("pendulum")
    assert before != compatibility.model_digest("barkour")
    assert compatibility.model_digest("hopper") is None  # Gymnasium's, whose version is known
    assert compatibility.model_digest("gym:Pendulum-v1") is None
    source = Path(compatibility.__file__).parents[1] / "envs" / "pendulum"
    copy = shutil.copytree(source, tmp_path / "pendulum")
    found = type("Found", (), {"submodule_search_locations": [str(copy)]})
    monkeypatch.setattr(compatibility, "find_spec", lambda name: found)
    file = copy / "assets" / "pendulum.xml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert compatibility.model_digest("pendulum") == before
    file.write_bytes(file.read_bytes().replace(b"0.5", b"0.6", 1))
    assert compatibility.model_digest("pendulum") != before


# --- the commands ---


def unit(content):
    content["env"]["spec"]["observation"][2]["unit"] = "deg/s"


def test_eval_refuses_another_layout(path):
    forge(path, unit)
    with pytest.raises(Incompatible, match="unit of angular_velocity was deg/s, is now"):
        evaluate(EvalRequest(ckpt=str(path), episodes=1))


@pytest.mark.parametrize("command", ["eval", "compare", "export"])
def test_a_checkpoint_that_contradicts_itself_is_refused(command, path, tmp_path):
    forge(path, CHANGES["policy.action_high"])
    run = {
        "eval": lambda: evaluate(EvalRequest(ckpt=str(path), episodes=1)),
        "compare": lambda: compare_backends(CompareRequest(ckpt=str(path))),
        "export": lambda: export(tmp_path / "out", "numpy", str(path)),
    }
    with pytest.raises(Incompatible, match="contradicts itself: action_high"):
        run[command]()
    assert not (tmp_path / "out").exists()


def test_what_plays_in_no_environment_tells_of_it(path, tmp_path):
    forge(path, unit)
    saved_with(path, jax="0.1.0")
    for change in ("unit", "packages"):
        told = []
        export(tmp_path / change, "numpy", str(path), warn=told.append)
        compare_backends(CompareRequest(ckpt=str(path), num_tests=1), warn=told.append)
        assert len(told) == 2
        assert all(("deg/s" in line) == (change == "unit") for line in told)
        forge(path, lambda content: content["env"]["spec"].update(Pendulum.spec.to_json()))
