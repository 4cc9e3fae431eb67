"""`rlctl plot`: text and JSON output."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from checkpoints.sample_checkpoints import save
from written_run import CONFIG, train_row, write_run

from rlctl.actions.benchmarks import plots

needs_matplotlib = pytest.mark.skipif(bool(plots.missing()), reason=plots.missing())
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Parsed page: its tags, its text by tag, and the resources that it loads."""

    def __init__(self, path):
        super().__init__()
        self.open, self.tags, self.texts, self.sources = [], [], {}, []
        self.feed(Path(path).read_text())
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open += [tag] * (tag not in VOID)
        self.sources += [value for name, value in attrs if name in ("src", "href", "srcset")]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open = self.open[:-1] if tag not in VOID else self.open

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def svg_texts(path):
    root = ElementTree.parse(path).getroot()
    texts = [node for node in root.iter() if node.tag.endswith("}text")]
    return ["".join(node.itertext()).strip() for node in texts]


@needs_matplotlib
def test_the_latest_run_into_its_own_folder(rlctl):
    write_run("runs/old")
    os.utime("runs/old/config.json", (1, 1))
    write_run("runs/new")
    done = rlctl("plot")
    assert (done.code, done.err) == (0, "")
    picture = Path("runs/new/plot.png").resolve()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert done.out.splitlines()[0].startswith(f"{picture}: return, length, terms, speed")
    assert done.out.splitlines()[2].split() == ["pendulum", "ppo", "1,000", "100", "80", "new"]
    assert not Path("runs/old/plot.png").exists()
    assert [name for name in os.listdir("runs/new") if name.startswith(".")] == []


@needs_matplotlib
def test_several_runs_in_one_svg_with_their_names(rlctl):
    runs = [write_run(f"runs/pendulum-ppo-{name}-s0") for name in ("a$b$", "_<&>", "c")]
    done = rlctl("plot", *runs, runs[0], "--out", "new/folder/curves.svg", "--json")
    assert done.code == 0, done.err
    data = done.envelope["data"]
    assert (data["path"], data["x"]) == ("new/folder/curves.svg", "steps")
    assert data["bytes"] == Path(data["path"]).stat().st_size
    assert data["panels"][:3] == ["return", "length", "speed"]
    assert [run["label"] for run in data["runs"]] == ["a$b$", "_<&>", "c"]
    run = data["runs"][0]
    assert (run["steps"], run["updates"], run["evaluations"]) == (1000, 10, 2)
    assert (run["return"], run["best"]) == (100.0, {"steps": 500, "return": 80.0})
    assert run["checkpoint"] is None
    texts = svg_texts("new/folder/curves.svg")
    for words in ("a$b$", "_<&>", "c", "environment steps", "return", "pendulum, PPO"):
        assert words in texts
    assert "reward terms per episode" not in texts
    before = Path("new/folder/curves.svg").read_bytes()
    rlctl("plot", *runs, "--out", "new/folder/curves.svg")
    assert Path("new/folder/curves.svg").read_bytes() == before


@needs_matplotlib
def test_several_runs_go_here_and_time_is_on_the_axis(rlctl):
    runs = [write_run(f"runs/{name}") for name in "ab"]
    assert rlctl("plot", *[run.name for run in runs]).out.startswith("plot.png: return")
    assert Path("plot.png").is_file()
    assert rlctl("plot", "a", "--x", "time", "--out", "t.svg").code == 0
    texts = svg_texts("t.svg")
    assert "wall time (s)" in texts
    assert "environment steps" not in texts


@needs_matplotlib
def test_the_page_holds_everything_and_loads_nothing(rlctl):
    config = CONFIG | {"env": "<script>alert(1)</script>"}
    run = write_run("runs/a", config=config)
    save(run / "checkpoints", 500, best={"step": 500, "return": 80.0})
    (run / "film.mp4").write_bytes(b"film")
    (run / "videos").mkdir()
    (run / "videos" / "b&w.gif").write_bytes(b"GIF89a")
    with open(run / "long.webm", "wb") as file:
        file.truncate(8_000_000)
    done = rlctl("plot", "a", "--out", "a.html")
    assert done.code == 0, done.err
    assert "runs/a/long.webm is too large" in done.err
    page = Page("a.html")
    assert "script" not in page.tags
    assert [tag for tag in page.tags if tag in ("svg", "video", "img", "details")] == [
        "svg", "details", "video", "img",
    ]  # fmt: skip
    assert "<script>alert(1)</script>, PPO: a" in page.texts["h1"]
    sources = [source for source in page.sources if not source.startswith("#")]
    assert sources == ["data:video/mp4;base64,ZmlsbQ==", "data:image/gif;base64,R0lGODlh"]
    assert not re.findall(r"url\((?!#)", Path("a.html").read_text())
    cells = page.texts["td"]
    assert cells[cells.index("ppo.learning_rate") :][:3] == ["ppo.learning_rate", "0.001", "--set"]
    assert cells.count("train.seed") == 1  # a default: with all settings only
    assert cells.count("train.steps") == 2
    for words in ("79 to 82", "25 %", "rlctl train pendulum", "commit abc, with changes"):
        assert words in cells
    assert cells[cells.index("best checkpoint") + 1].endswith("step_000000000500")
    assert cells[cells.index("best evaluation") + 1] == "return 80 at 500 steps"
    assert cells.count("best") == 1
    assert "runs/a/long.webm" in page.texts["code"][0]
    assert page.texts["dt"] == ["best return", "steps", "time", "videos"]
    assert page.texts["dd"] == ["80", "1,000", "1:40", "2"]
    assert page.texts["title"][1:] == ["80 at 500", "70 at 1000", "60 at 500", "60 at 1000"]


@needs_matplotlib
@pytest.mark.parametrize(("target", "said"), [(75.0, "75, reached"), (81.0, "81, not reached")])
def test_the_page_shows_whether_the_target_was_reached(rlctl, target, said):
    settings = CONFIG["settings"] | {"train": {"target_return": target, "eval_share": None}}
    write_run("runs/a", config=CONFIG | {"settings": settings})
    assert rlctl("plot", "a", "--out", "a.html").code == 0
    assert said in Page("a.html").texts["dd"]
    assert "none yet: rlctl render" in Page("a.html").texts["dd"]
    cells = Page("a.html").texts["td"]
    assert cells[cells.index("train.eval_share") + 1] == "none"
    (title,) = Page("a.html").texts["h1"]
    assert Path("a.html").read_text().count(title) == 2, "of page and window, not of the figure"


@needs_matplotlib
def test_a_run_without_metrics_is_left_out_from_a_comparison_with_a_warning(rlctl):
    write_run("runs/a")
    write_run("runs/b", [])
    done = rlctl("plot", "a", "b", "--out", "x.svg")
    assert done.code == 0
    assert "left out" in done.err
    assert "runs/b: it has no metrics yet" in done.err


@needs_matplotlib
def test_a_damaged_config_is_reported_and_skipped(rlctl):
    (write_run("runs/a") / "config.json").write_text("{")
    done = rlctl("plot", "a", "--out", "x.html")
    assert done.code == 0
    assert "warning: cannot read" in done.err
    page = Page("x.html")
    assert page.texts["h1"] == ["a"]
    assert "details" not in page.tags


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["gone"], 3, "there is no run gone"),
        (["full", "gone"], 3, "there is no run gone"),
        (["."], 3, "the folder is not a run"),
        (["x" * 5000], 3, "cannot look up xxx"),
        (["empty"], 3, "there are no metrics in"),
        (["hollow"], 3, "holds a metric that can be plotted"),
        (["full", "--out", "plot.jpg"], 2, "plot.jpg does not end in .png, .svg, .html"),
        (["full", "--out", "plot"], 2, "plot does not end in"),
        (["full", "--out", "folder.png"], 2, "folder.png is a folder"),
        (["full", "--out", "file/x.png"], 9, "cannot write file/x.png"),
        (["full", "--x", "episodes"], 2, "episodes"),
    ],
)
def test_what_cannot_be_rendered(rlctl, args, code, words):
    write_run("runs/full")
    write_run("runs/empty", [])
    only_steps = {"kind": "train", "steps": 5}
    write_run("runs/hollow", [only_steps, train_row(1, steps=None)])
    Path("folder.png").mkdir()
    Path("file").write_text("")
    if code == 9:
        pytest.importorskip("matplotlib")
    done = rlctl("plot", *args)
    assert (done.code, done.out) == (code, ""), done.err
    assert words in done.err
    assert "hint:" in done.err
    assert not Path("runs/full/plot.png").exists()


def test_without_any_run(rlctl):
    done = rlctl("plot")
    assert done.code == 3
    assert "there is no run with metrics" in done.err


def test_without_matplotlib(rlctl, monkeypatch):
    write_run("runs/a")
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    done = rlctl("plot")
    assert (done.code, done.out) == (7, "")
    assert "need matplotlib, which is not installed" in done.err
    assert f"{sys.executable} -m pip install matplotlib" in done.err


@needs_matplotlib
def test_it_loads_no_framework():
    write_run("runs/a")
    code = """
import sys
from rlctl import cli
assert cli.run(["plot", "-q"]) == 0
heavy = {"jax", "torch", "mujoco", "brax", "gymnasium", "optax", "matplotlib.pyplot"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.splitlines()[-1] == "[]"
