"""Trainings through the library: settings, callbacks, stops and metrics."""

import signal

import numpy as np
import pytest
from resuming import SMALL

import rlctl
from rlctl.checkpoints import store
from rlctl.core.metrics import Metrics
from rlctl.core.runs import Run, runs_root

FEW = {
    "train.num_evals": 2,
    "train.eval_episodes": 2,
    "train.episode_length": 7,
    "train.plot": False,
    **dict(text.split("=") for text in SMALL["ppo"]),
}
UPDATE = 80  # steps: 16 environments, 5 steps each


def train(callback=None, updates=4, **others):
    return rlctl.train(
        "pendulum",
        steps=updates * UPDATE,
        num_envs=16,
        settings=FEW,
        callback=callback,
        device="cpu",
        **others,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train; return the report and the rows that the callback got."""
    rows = []
    report = train(rows.append, out=tmp_path_factory.mktemp("trained") / "run")
    return report, rows


def test_a_report_has_the_results(trained):
    report, _ = trained
    assert report.steps == 320
    assert report.checkpoint == store.step_folder(report.run / "checkpoints", 320)
    assert f"pendulum, ppo: 320 steps, return {report.mean_return:.4g}" in repr(report)
    assert str(report.checkpoint) in repr(report)


def test_a_callback_is_given_the_rows_of_the_metrics(trained):
    report, rows = trained
    assert rows == list(Metrics(report.run / "metrics.jsonl").rows())
    assert [row["kind"] for row in rows].count("eval") == 2


def test_metrics_are_columns(trained):
    report, rows = trained
    metrics = rlctl.read_metrics(report)
    assert metrics.train["steps"].tolist() == [80, 160, 240, 320]
    evaluations = [row for row in rows if row["kind"] == "eval"]
    means = [row["return"]["mean"] for row in evaluations]
    np.testing.assert_array_equal(metrics.eval["return/mean"], means)
    np.testing.assert_array_equal(
        metrics.train["losses/v_loss"],
        [row["losses"]["v_loss"] for row in rows if row["kind"] == "train"],
    )
    for columns, count in ((metrics.train, 4), (metrics.eval, 2)):
        assert {(column.shape, column.dtype.kind in "if") for column in columns.values()} == {
            ((count,), True)
        }
    assert "4 updates, 2 evaluations" in repr(metrics)


def test_what_a_row_lacks_is_nan():
    metrics = Metrics(empty_run() / "metrics.jsonl")
    metrics.write({"kind": "train", "steps": 1, "return": None, "terms": {}})
    metrics.write({"kind": "train", "steps": 2, "return": 3.0, "terms": {"up": 1.5}, "odd": "x"})
    metrics.close()
    columns = rlctl.read_metrics("a").train
    assert set(columns) == {"steps", "return", "terms/up"}
    np.testing.assert_array_equal(columns["return"], [np.nan, 3.0])
    np.testing.assert_array_equal(columns["terms/up"], [np.nan, 1.5])


def empty_run():
    """Make the folder of a run without metrics."""
    with Run.create("pendulum", "ppo", 0, runs_root() / "a") as run:
        run.write_config({"env": "pendulum"})
    return run.folder


def test_a_run_without_metrics_is_reported():
    empty_run()
    with pytest.raises(rlctl.NotFound, match="no metrics yet"):
        rlctl.read_metrics("a")
    with pytest.raises(rlctl.NotFound, match="no run with metrics"):
        rlctl.read_metrics()


def at_second_update(act):
    """Return a callback that acts after the second update and must not be called again."""
    called = []

    def callback(row):
        assert not called, "the training should have ended"
        if row["kind"] == "train" and row["steps"] == 2 * UPDATE:
            called.append(row)
            act()

    return callback


def test_stop_training_ends_it_as_if_all_steps_were_taken():
    def act():
        raise rlctl.StopTraining

    report = train(at_second_update(act))
    assert report.steps == 160
    assert report.checkpoint.name == "step_000000000160"
    assert rlctl.train(resume=report, device="cpu").steps == 320


def test_a_run_that_stopped_at_its_target_says_how_to_continue(tmp_path):
    settings = {**FEW, "train.target_return": -1.0}
    given = {"num_envs": 16, "settings": settings, "out": tmp_path / "run", "device": "cpu"}
    report = rlctl.train("pendulum", steps=4 * UPDATE, **given)
    assert report.steps == 2 * UPDATE
    with pytest.warns(rlctl.RlctlWarning, match="train.stop_at_target=false continues"):
        assert rlctl.train(resume=report, device="cpu").steps == 2 * UPDATE
    onwards = {"train.stop_at_target": False}
    assert rlctl.train(resume=report, settings=onwards, device="cpu").steps == 4 * UPDATE


@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit(3), rlctl.NotFound("mine")])
def test_an_error_in_a_callback_is_raised_once_all_is_saved(error, tmp_path):
    def act():
        raise error

    with pytest.raises(type(error)) as caught:
        train(at_second_update(act), out=tmp_path / "run")
    assert caught.value is error
    assert "saved at step 160" in error.__notes__[0]
    assert store.newest_verified(tmp_path / "run" / "checkpoints").path.name == "step_000000000160"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_resume(signum, tmp_path):
    before = signal.getsignal(signum)
    with pytest.raises(rlctl.Stopped, match="rlctl train --resume") as caught:
        train(at_second_update(lambda: signal.raise_signal(signum)), out=tmp_path / "run")
    assert caught.value.data["steps"] == 160
    assert signal.getsignal(signum) is before
    assert rlctl.train(resume=tmp_path / "run", device="cpu").steps == 320


@pytest.mark.parametrize(
    ("settings", "given", "complaint"),
    [
        ({"ppo.learning_rat": 1}, {}, "ppo.learning_rat: .*did you mean ppo.learning_rate"),
        ({"learning_rate": 1}, {}, "^learning_rate: .*did you mean ppo.learning_rate"),
        ({"env.start_angle": "x"}, {}, "env.start_angle: 'x' is not a number"),
        (["env.start_angle=1"], {}, "settings is a list, not a dict"),
        ({"ppo.policy_hidden_layer_sizes": (0,)}, {}, "0 is below the smallest allowed"),
        ({}, {"steps": -1}, "train.steps: -1 is below"),
        ({}, {"physics": "magic"}, "train.physics: 'magic' is not one of"),
        ({}, {"algo": "dqn"}, "there is no algorithm 'dqn'"),
        ({}, {"device": "tpu"}, "there is no device 'tpu'"),
        ({}, {"resume": "runs/a", "out": "b"}, "--resume takes out from the run"),
    ],
)
def test_what_cannot_be_used_is_reported_before_anything_is_written(
    settings, given, complaint, private_folder, capfd
):
    with pytest.raises(rlctl.UsageError, match=complaint):
        rlctl.train("pendulum", settings=settings, **given)
    assert list(private_folder.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_error_is_its_message_and_its_hint():
    with pytest.raises(rlctl.UsageError) as caught:
        rlctl.train("hoper")
    message, hint = str(caught.value).splitlines()
    assert message.startswith("there is no environment 'hoper'")
    assert hint == caught.value.hint == "did you mean hopper?"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"device": "tpu"}, "there is no device 'tpu'"),
        ({"algo": "dqn"}, "there is no algorithm 'dqn'"),
        ({"settings": ["train.steps=1"]}, "settings is a list, not a dict"),
    ],
)
def test_settings_that_cannot_be_shown_are_reported(given, complaint):
    with pytest.raises(rlctl.UsageError, match=complaint):
        rlctl.config("pendulum", **given)


def test_settings_may_be_numpys_numbers():
    given = {
        "ppo.learning_rate": np.float32(0.5),
        "train.num_envs": np.int64(3),
        "ppo.policy_hidden_layer_sizes": np.array([4, 5]),
        "train.target_return": None,
        "train.plot": False,
    }
    found = rlctl.config("pendulum", settings=given)
    values = {name: found[name] for name in given}
    assert list(values.values()) == [0.5, 3, (4, 5), None, False]
    assert {found.origins[name] for name in given} == {"argument"}
    assert found.origins["ppo.discounting"].startswith("preset")


def test_settings_that_were_shown_are_taken_again():
    found = rlctl.config("pendulum", settings={"env.start_angle": 0.5})
    again = rlctl.config("pendulum", settings={**found, "train.seed": 9})
    differing = {name for name in found if found[name] != again[name]}
    assert differing == {"train.seed"}
    assert "env.start_angle" in repr(again)
    assert len(again) == len(repr(again).splitlines()) - 1
