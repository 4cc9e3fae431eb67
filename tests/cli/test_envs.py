from rlctl import catalog


def test_everything_in_the_catalog_is_listed(rlctl):
    done = rlctl("envs", "--json")
    data = done.envelope["data"]
    assert done.code == 0
    assert {env["name"] for env in data["envs"]} == {row.name for row in catalog.ENVS}
    (pendulum,) = (env for env in data["envs"] if env["name"] == "pendulum")
    assert (pendulum["observation"], pendulum["action"], pendulum["rate"]) == (3, 1, 50.0)
    assert pendulum["physics"] == ["native", "jax", "warp"]
    assert pendulum["presets"] == ["ppo"]
    brax, gym = data["families"]
    assert (brax["prefix"], gym["prefix"]) == ("brax", "gym")
    assert "ant" in brax["names"]


def test_one_environment_is_listed_alone(rlctl):
    data = rlctl("envs", "hopper", "--json").envelope["data"]
    assert [env["name"] for env in data["envs"]] == ["hopper"]
    assert data["families"] == []
    done = rlctl("envs", "hoper")
    assert done.code == 2
    assert "hopper" in done.err


def test_text_output_is_a_table_and_the_families(rlctl):
    lines = rlctl("envs").out.splitlines()
    assert lines[0].split()[:2] == ["environment", "obs"]
    assert any(line.startswith("pendulum") and "50 Hz" in line for line in lines)
    assert any(line.startswith("brax:NAME") for line in lines)
