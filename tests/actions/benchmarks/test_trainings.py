import os

import pytest

from rlctl.actions.benchmarks import trainings
from rlctl.actions.benchmarks.trainings import Task, split_cores, train_all
from rlctl.core import self_command


@pytest.mark.parametrize(
    ("jobs", "shares"),
    [
        (1, [(2, 3, 5, 7, 8)]),
        (2, [(2, 3), (5, 7, 8)]),
        (5, [(2,), (3,), (5,), (7,), (8,)]),
        (7, [(2,), (3,), (5,), (7,), (8,), (2,), (3,)]),
    ],
)
def test_cores_are_split(monkeypatch, jobs, shares):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {8, 7, 5, 3, 2}, raising=False)
    assert split_cores(jobs) == shares


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """Tasks whose `rlctl` is a script that reports its cores and threads."""
    package = tmp_path / "site" / "rlctl"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import json, os, sys\n"
        "cores = sorted(os.sched_getaffinity(0))\n"
        "threads = os.environ['OMP_NUM_THREADS']\n"
        "print('output of a library')\n"
        "print(json.dumps({'event': 'cores', 'cores': cores, 'threads': threads}), flush=True)\n"
        "print('the last line', file=sys.stderr)\n"
        "sys.exit(3 if 'fail' in sys.argv else 0)\n"
    )
    monkeypatch.setattr(self_command, "rlctl", type("Fake", (), {"__file__": package / "x.py"}))
    monkeypatch.delenv("PYTHONPATH")
    log = tmp_path / "logs" / "log"
    return [Task("x", seed, tmp_path, log, ("fail",) if seed else ()) for seed in range(2)]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="where cores can be chosen")
def test_trainings_are_pinned_and_failures_are_reported(tasks, monkeypatch):
    mine = sorted(os.sched_getaffinity(0))
    monkeypatch.setattr(trainings, "split_cores", lambda jobs: [(mine[0],)] * jobs)
    events = []
    ended = list(train_all(tasks, 2, lambda: None, lambda task, event: events.append(event)))
    assert {(end.task.seed, end.code, end.error) for end in ended} == {
        (0, 0, ""), (1, 3, "the last line")
    }  # fmt: skip
    assert events == [{"event": "cores", "cores": [mine[0]], "threads": "1"}] * 2
    assert sorted(os.sched_getaffinity(0)) == mine


def test_no_training_starts_after_a_stop(tasks):
    assert list(train_all(tasks, 2, lambda: 15, lambda task, event: None)) == []
    assert not tasks[0].log.exists()
