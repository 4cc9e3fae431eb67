import math

from rlctl.core.metrics import Metrics


def test_rows_are_on_the_disk_at_once_and_strict(tmp_path):
    metrics = Metrics(tmp_path / "m.jsonl")
    metrics.write({"steps": 1, "loss": math.nan})
    assert (tmp_path / "m.jsonl").read_text() == '{"steps": 1, "loss": null}\n'
    metrics.close()


def test_truncating_drops_later_rows_and_a_torn_line(tmp_path):
    path = tmp_path / "m.jsonl"
    metrics = Metrics(path)
    for steps in (100, 200, 300):
        metrics.write({"steps": steps})
    with open(path, "a") as file:
        file.write('{"steps": 1')
    metrics.truncate_after(200)
    metrics.write({"steps": 250})
    metrics.close()
    assert [row["steps"] for row in Metrics(path).rows()] == [100, 200, 250]


def test_no_file_has_no_rows(tmp_path):
    metrics = Metrics(tmp_path / "m.jsonl")
    metrics.truncate_after(5)
    assert list(metrics.rows()) == []
    assert not metrics.path.exists()
