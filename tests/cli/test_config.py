from rlctl import catalog


def test_every_setting_is_shown_with_value_origin_and_meaning(rlctl):
    done = rlctl("config", "show", "pendulum", "--set", "ppo.learning_rate=1e-3", "--json")
    rows = {row["name"]: row for row in done.envelope["data"]["settings"]}
    assert done.code == 0
    assert rows["ppo.learning_rate"]["value"] == 1e-3
    assert rows["ppo.learning_rate"]["origin"] == "--set"
    assert {name.partition(".")[0] for name in rows} == {"train", "ppo", "env"}
    assert all(row["help"] for row in rows.values())


def test_people_see_the_same_as_a_table(rlctl):
    lines = rlctl("config", "show", "pendulum", "--set", "ppo.learning_rate=1e-3").out.splitlines()
    assert lines[0].split() == ["setting", "value", "from", "meaning"]
    (line,) = (line for line in lines if line.startswith("ppo.learning_rate "))
    assert line.split()[1:3] == ["0.001", "--set"]


def test_a_good_file_is_told_to_be_fine(rlctl, tmp_path):
    (tmp_path / "mine.toml").write_text("[ppo]\nlearning_rate = 1e-3\nunroll_length = 5\n")
    done = rlctl("config", "validate", "mine.toml")
    assert (done.code, done.out) == (0, "mine.toml is fine: 2 settings\n")
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


def test_every_preset_that_ships_is_valid(rlctl):
    from pathlib import Path

    import rlctl as package

    folder = Path(package.__file__).parents[1] / "configs"
    found = sorted(folder.glob("*/*.toml"))
    families = {row.prefix for row in catalog.FAMILIES}  # whose presets are of all they have
    for path in found:
        env = [] if path.stem in families else [path.stem.replace("__", ":")]
        done = rlctl("config", "validate", path, *env)
        assert done.code == 0, done.err
    assert len(found) >= 2
