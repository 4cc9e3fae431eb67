"""`rlctl compare`: the table, the stages, the envelope, the exit code."""

import saved_policy

from rlctl.policies.mlp import torch_policy


def test_the_table_of_a_sound_policy(rlctl):
    path = saved_policy.save()
    done = rlctl("compare", "--ckpt", path)
    assert done.code == 0
    head, how, _, header, *rows = done.out.splitlines()
    assert head == f"pendulum at 1,000 steps, {path}"
    assert how.startswith(
        "tanh_normal policy on 10 observations, with noise and without; tolerance 1e-05 "
    )
    assert header.split() == ["max", "difference", "mean", "us", "per", "inference"]
    assert [row.split()[0] for row in rows] == ["numpy", "jax", "torch"]
    assert rows[0].endswith("reference")
    assert all(row.endswith("the same") for row in rows[1:])


def test_verbose_names_the_stage_where_it_begins(rlctl, monkeypatch):
    saved_policy.save()
    monkeypatch.setattr(torch_policy.TorchPolicy, "_into_bounds", lambda self, unit: 2 * unit)
    brief = rlctl("compare")
    assert brief.code == 1
    assert "DIFFERS" in brief.out
    assert "error: torch by" in brief.err
    assert "hint: --verbose shows the first stage" in brief.err
    assert "normalized" not in brief.out
    full = rlctl("compare", "--verbose")
    assert full.code == 1
    assert full.out.splitlines()[-1] == "torch exceeds the tolerance at stage action"


def test_the_envelope_has_the_data_of_a_failed_check_too(rlctl, monkeypatch):
    saved_policy.save()
    done = rlctl("compare", "--json", "--num-tests", 3, "--seed", 5, "--tolerance", 1e-4)
    assert (done.code, done.envelope["ok"]) == (0, True)
    figures = done.envelope["data"]
    assert (figures["num_tests"], figures["seed"], figures["tolerance"]) == (3, 5, 1e-4)
    monkeypatch.setattr(torch_policy.TorchPolicy, "_into_bounds", lambda self, unit: 2 * unit)
    done = rlctl("compare", "--json")
    assert (done.code, done.envelope["ok"]) == (1, False)
    assert done.envelope["data"]["failed"] == ["torch"]
    assert done.envelope["error"]["code"] == "check_failed"


def test_numbers_out_of_range(rlctl):
    done = rlctl("compare", "--num-tests", 0, "--tolerance", -1, "--seed", "x")
    assert done.code == 2
    for message in ("0 is below the smallest allowed, 1", "-1.0 is below", "'x' is not a whole"):
        assert message in done.err
    assert rlctl("compare", "--tolerance", "inf").code == 2
    assert rlctl("compare", "--device", "tpu").code == 2
    assert rlctl("compare").code == 3
