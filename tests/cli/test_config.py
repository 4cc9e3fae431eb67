import pytest

from rlctl import catalog
from rlctl.core import device


@pytest.fixture
def gpu(monkeypatch):
    """Fake a GPU that JAX could use, for checks that do not import JAX."""
    monkeypatch.setattr(device, "gpu_missing", lambda: None)
    monkeypatch.delenv("JAX_PLATFORMS")


def test_every_setting_is_shown_with_value_origin_and_meaning(rlctl):
    done = rlctl("config", "show", "pendulum", "--set", "ppo.learning_rate=1e-3", "--json")
    rows = {row["name"]: row for row in done.envelope["data"]["settings"]}
    assert done.code == 0
    assert rows["ppo.learning_rate"]["value"] == 1e-3
    assert rows["ppo.learning_rate"]["origin"] == "--set"
    assert {name.partition(".")[0] for name in rows} == {"train", "ppo", "env"}
    assert all(row["help"] for row in rows.values())


def test_text_output_is_a_table(rlctl):
    lines = rlctl("config", "show", "pendulum", "--set", "ppo.learning_rate=1e-3").out.splitlines()
    assert lines[0].split() == ["setting", "value", "from", "meaning"]
    (line,) = (line for line in lines if line.startswith("ppo.learning_rate "))
    assert line.split()[1:3] == ["0.001", "--set"]


def test_a_good_file_is_reported_as_valid(rlctl, tmp_path):
    (tmp_path / "mine.toml").write_text("[ppo]\nlearning_rate = 1e-3\nunroll_length = 5\n")
    done = rlctl("config", "validate", "mine.toml")
    assert (done.code, done.out) == (0, "mine.toml is valid: 2 settings\n")
    done = rlctl("config", "validate", "mine.toml", "pendulum", "--json")
    assert done.envelope["data"]["values"] == {"ppo.learning_rate": 1e-3, "ppo.unroll_length": 5}


def test_a_file_is_held_against_the_environment(rlctl, tmp_path):
    (tmp_path / "mine.toml").write_text("[env]\nno_such = 1\n")
    done = rlctl("config", "validate", "mine.toml", "pendulum")
    assert done.code == 2
    assert "mine.toml: env.no_such: there is no such setting" in done.err


def test_physics_is_held_against_the_environment(rlctl, tmp_path, monkeypatch):
    from dataclasses import replace

    from rlctl import catalog

    rows = tuple(replace(row, physics=("jax",)) for row in catalog.ENVS)
    monkeypatch.setattr(catalog, "ENVS", rows)
    (tmp_path / "mine.toml").write_text('[train]\nphysics = "native"\n')
    for args in (
        ["validate", "mine.toml", "pendulum"],
        ["show", "pendulum", "--config", "mine.toml"],
    ):
        done = rlctl("config", *args)
        assert done.code == 2
        assert "pendulum does not run on native physics; it runs on jax" in done.err


def of_barkour(done):
    """Return value and origin of every setting."""
    rows = done.envelope["data"]["settings"]
    return {row["name"]: (row["value"], row["origin"]) for row in rows}


def test_a_gpu_has_a_preset_of_its_own(rlctl, gpu):
    found = of_barkour(rlctl("config", "show", "barkour", "--json"))
    assert found["train.num_envs"] == (8192, "preset ppo/barkour.gpu.toml")
    assert found["train.deterministic_eval"] == (False, "preset ppo/barkour.toml")
    done = rlctl("config", "show", "barkour", "--set", "train.num_envs=4096", "--json")
    assert of_barkour(done)["train.num_envs"] == (4096, "--set")


def test_the_other_devices_settings_can_be_shown(rlctl, gpu):
    for there in (("--cpu",), ("--device", "cpu")):
        found = of_barkour(rlctl("config", "show", "barkour", *there, "--json"))
        assert found["train.num_envs"] == (4096, "preset ppo/barkour.toml")


def test_barkour_on_a_gpu_is_the_tutorials(rlctl):
    done = rlctl("config", "show", "barkour", "--device", "gpu", "--json")
    assert done.code == 0, "no GPU is needed to look"
    of = {name: value for name, (value, _) in of_barkour(done).items()}
    tutorial = {
        "train.steps": 100_000_000,
        "train.num_envs": 8192,
        "env.history": 15,
        "ppo.unroll_length": 20,
        "ppo.batch_size": 256,
        "ppo.num_minibatches": 32,
        "ppo.num_updates_per_batch": 4,
        "ppo.learning_rate": 3e-4,
        "ppo.entropy_cost": 1e-2,
        "ppo.discounting": 0.97,
        "ppo.policy_hidden_layer_sizes": [128] * 4,
        "train.deterministic_eval": False,
    }
    assert tutorial.items() <= of.items()
    for key, default in vars(catalog.load(catalog.engine("ppo").config)()).items():
        plain = list(default) if isinstance(default, tuple) else default
        assert of[f"ppo.{key}"] == tutorial.get(f"ppo.{key}", plain), "else Brax's default"
    assert of["train.curriculum_steps"] == 0


def test_every_preset_that_ships_is_valid(rlctl):
    from pathlib import Path

    import rlctl as package

    folder = Path(package.__file__).parents[1] / "configs"
    found = sorted(folder.glob("*/*.toml"))
    families = {row.prefix for row in catalog.FAMILIES}  # whose presets are of all they have
    for path in found:
        stem = path.stem.removesuffix(".gpu")
        env = [] if stem in families else [stem.replace("__", ":")]
        done = rlctl("config", "validate", path, *env)
        assert done.code == 0, done.err
    assert len(found) >= 2


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    "args", [["config", "validate", "x.toml"], ["train", "pendulum", "--config", "x.toml"]]
)
def test_a_file_in_another_encoding_is_reported(rlctl, tmp_path, encoding, args):
    (tmp_path / "x.toml").write_bytes("[train]\nseed = 3  # é\n".encode(encoding))
    done = rlctl(*args)
    assert done.code == 2
    assert "cannot read x.toml: it is not UTF-8 text" in done.err
    assert "hint: save it as UTF-8" in done.err


def test_a_byte_order_mark_is_no_part_of_a_file(rlctl, tmp_path):
    (tmp_path / "x.toml").write_bytes("[train]\r\nseed = 3\r\n".encode("utf-8-sig"))
    assert rlctl("config", "validate", "x.toml", "--json").envelope["data"]["values"] == {
        "train.seed": 3
    }
