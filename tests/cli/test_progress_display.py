"""Progress displays: on a terminal, in a pipe, as JSON."""

import io
import json
import re
import time

import pytest

from rlctl.cli import console, formatting, progress_display
from rlctl.cli.eta import SmoothEta, StepTime
from rlctl.cli.status import Status
from rlctl.cli.status_block import StatusRenderer
from rlctl.cli.terminal import Screen

START = {"event": "start", "env": "pendulum", "algo": "ppo", "run": "runs/x", "steps": 0}
TRAINING = [
    {**START, "total": 2000},
    {"event": "phase", "name": "compile"},
    {"event": "progress", "steps": 1000, "total": 2000, "steps_per_second": 500.0, "return": 1.25},
    {"event": "eval", "steps": 1000, "return": {"mean": 12.5, "std": 0.5}, "episodes": 64},
]


class Terminal(io.StringIO):
    """Terminal emulator; `page` is the text on the screen."""

    encoding = "utf-8"

    def isatty(self):
        return True

    @property
    def page(self):
        lines, row, column = [""], 0, 0
        for part in re.findall(r"\033\[\d*[A-Za-z]|[\r\n]|[^\033\r\n]+", self.getvalue()):
            if part == "\r":
                column = 0
            elif part == "\n":
                row, column = row + 1, 0
                lines += [""] * (row == len(lines))
            elif part == "\033[K":
                lines[row] = lines[row][:column]
            elif part == "\033[J":
                del lines[row + 1 :]
                lines[row] = lines[row][:column]
            elif part.endswith("A") and part.startswith("\033"):
                row -= int(part[2:-1])
            elif not part.startswith("\033"):
                old = lines[row].ljust(column)
                lines[row] = old[:column] + part + old[column + len(part) :]
                column += len(part)
        return [line.rstrip() for line in lines]


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def lines():
    return []


def close(display):
    display.close()
    assert not display._thread.is_alive()


def trained(evaluations=4, updates=20, total=20_000, **more):
    """Return a status during a training with 1,000 steps/s and an evaluation per 5 updates."""
    clock = Clock()
    status = Status(clock)
    status.on_event({**START, "total": total})
    status.on_event({"event": "plan", "evals": 8, "eval_every": 2500, "eval_steps": 0, **more})
    for update in range(1, updates + 1):
        for phase, seconds in (("rollout", 0.25), ("update", 0.25)):
            status.on_event({"event": "phase", "name": phase})
            clock.now += seconds
        row = {"return": 10.0 * update, "length": 500.0, "steps_per_second": 1000.0}
        losses = {"losses": {"total_loss": 0.5, "policy_std": 0.25}, "episodes": 3 * update}
        status.on_event(
            {"event": "progress", "steps": 500 * update, "total": total, **row, **losses}
        )
        if update % 5 == 0 and update <= 5 * evaluations:
            status.on_event({"event": "phase", "name": "eval"})
            clock.now += 1.0
            score = {"mean": 300.0 - abs(update - 15), "std": 2.5}
            status.on_event(
                {"event": "eval", "steps": 500 * update, "return": score, "episodes": 64}
            )
    return status, clock


class TestLines:
    def test_every_event_is_printed_once(self, lines):
        display = progress_display.LineDisplay(lines.append, every=60)
        for event in TRAINING + TRAINING[1:]:
            display(event)
        close(display)
        assert lines == [
            "training pendulum with ppo in runs/x",
            "compile",
            "1,000 of 2,000 steps  return 1.25",
            "evaluations: mean return +- its standard deviation over the 64 episodes",
            "evaluation    0:00  1,000 steps  return     12.50 +- 0.500    best so far",
            "evaluation    0:00  1,000 steps  return     12.50 +- 0.500",
        ]

    def test_short_phases_are_left_out(self, lines):
        display = progress_display.LineDisplay(lines.append)
        for name in ("import", "build", "rollout", "update", "eval", "save"):
            display({"event": "phase", "name": name})
        close(display)
        assert lines == []

    def test_it_is_not_silent_while_the_work_blocks(self, lines):
        display = progress_display.LineDisplay(lines.append, every=0.05)
        display({"event": "phase", "name": "compile"})
        time.sleep(0.4)
        close(display)
        assert lines[0] == "compile"
        assert "compile: 0:00 so far" in lines[1:]

    def test_long_work_prints_fewer_lines(self, lines, monkeypatch):
        display = progress_display.LineDisplay(lines.append)
        clock = Clock()
        monkeypatch.setattr(progress_display.time, "monotonic", clock)
        display._status = Status(clock)
        display({**START, "total": 10_000})
        for second in range(1, 3601):
            clock.now += 1.0
            display({"event": "progress", "steps": second, "total": 10_000})
        close(display)
        assert 60 < len(lines) < 120  # a line every 5 s would be 720

    @pytest.mark.parametrize("work", [("film", "frames"), ("eval", "steps")])
    def test_counted_work_takes_five_lines_at_most(self, lines, work, monkeypatch):
        phase, unit = work
        display = progress_display.LineDisplay(lines.append)
        clock = Clock()
        monkeypatch.setattr(progress_display.time, "monotonic", clock)
        display._status = Status(clock)
        display({"event": "phase", "name": phase})
        for done in range(1, 251):
            clock.now += 1.0
            display({"event": "progress", "steps": done, "total": 250, "unit": unit})
            display.tick()
        close(display)
        assert 3 <= len(lines) <= 5
        assert f"{phase}: 50 %  125 of 250 {unit}  ETA 2:05" in lines


class TestEvents:
    def test_events_are_json_and_a_silent_second_shows_life(self, lines):
        display = progress_display.JsonDisplay(lines.append)
        display({"event": "phase", "name": "compile"})
        display({"event": "eval", "return": {"mean": float("nan")}})
        time.sleep(2.3)
        close(display)
        events = [json.loads(line) for line in lines]
        assert events[:2] == [
            {"event": "phase", "name": "compile"},
            {"event": "eval", "return": {"mean": None}},
        ]
        assert {event["event"] for event in events[2:]} == {"alive"}
        assert events[2]["phase"] == "compile"
        assert events[2]["seconds"] >= 1.0


class TestTerminal:
    @pytest.mark.parametrize("columns", [60, 80, 100, 109, 110, 120, 200])
    def test_the_return_is_seen_and_nothing_is_wider_than_the_terminal(self, columns):
        status, _ = trained()
        lines = StatusRenderer().render(status, columns)
        assert all(formatting.display_width(line) < columns for line in lines)
        assert len(lines) <= 10
        (ends,) = (line for line in lines if "return" in line)
        assert "200.0" in ends
        assert any("ETA" in line for line in lines)

    def test_a_block_shows_the_state_of_a_training(self):
        status, _ = trained(target_return=780.0)
        shown = "\n".join(StatusRenderer().render(status, 120))
        for word in (
            "pendulum with ppo", "runs/x", "10,000 of 20,000 steps", "50 %", "1,000 steps/s",
            "collecting", "learning", "evaluating", "0:14 so far", "episode length 500.0",
            "295.0 +- 2.500 (std of 64 episodes)", "best 300.0 at 7,500", "target 780",
            "4 of 8 evaluations", "policy std 0.25",
        ):  # fmt: skip
            assert word in shown

    def test_a_block_is_ascii_without_unicode(self):
        status, _ = trained()
        for columns in (80, 120):
            assert "\n".join(StatusRenderer(unicode=False).render(status, columns)).isascii()
        assert not formatting.supports_unicode(io.TextIOWrapper(io.BytesIO(), "latin-1"))

    def test_evaluations_scroll_only_where_no_block_has_them(self, monkeypatch):
        for columns, scrolled in ((80, True), (120, False)):
            monkeypatch.setenv("COLUMNS", str(columns))
            terminal = Terminal()
            display = progress_display.LiveDisplay(terminal)
            for event in TRAINING:
                display(event)
            display.tick()
            page = terminal.page
            close(display)
            assert ("evaluation    0:00  1,000 steps" in "\n".join(page)) is scrolled
            assert any("12.50 +- 0.5" in line for line in page)

    def test_lines_are_redrawn_in_place_and_cleared(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "40")
        terminal = Terminal()
        screen = Screen(terminal)
        screen.draw(["one", "two", "three"])
        screen.write("above")
        screen.draw(["four", "five"])
        assert terminal.page == ["above", "four", "five"]
        screen.clear()
        assert terminal.page == ["above", ""]

    def test_lines_that_wrap_after_a_resize_are_cleared_completely(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "40")
        terminal = Terminal()
        screen = Screen(terminal)
        screen.draw(["x" * 39, "y" * 39])
        monkeypatch.setenv("COLUMNS", "20")
        screen.draw(["new"])
        assert "\033[3A" in terminal.getvalue()  # two lines of two rows each

    def test_it_ticks_while_the_work_blocks(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        terminal = Terminal()
        display = progress_display.LiveDisplay(terminal)
        for event in TRAINING[:2]:
            display(event)
        time.sleep(1.7)
        assert "compile 0:01" in terminal.getvalue()
        close(display)
        assert terminal.page == ["training pendulum with ppo in runs/x", ""]

    @pytest.mark.parametrize("no_color", ["1", ""])
    def test_colors_are_for_terminals_that_want_them(self, monkeypatch, no_color):
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setenv("TERM", "xterm-256color")
        status, _ = trained()
        shown = "".join(StatusRenderer(console.colorizer(Terminal())).render(status, 120))
        assert ("\033[36m" in shown) is not no_color

    def test_names_cannot_move_the_cursor(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "120")
        terminal = Terminal()
        display = progress_display.LiveDisplay(terminal)
        display({**START, "run": "runs/\033[2Jx", "total": 100})
        close(display)
        assert "\033[2J" not in terminal.getvalue()


class TestOtherWork:
    @pytest.mark.parametrize("columns", [40, 80, 120])
    def test_frames_are_counted_as_whole_frames(self, columns):
        clock = Clock()
        status = Status(clock)
        status.on_event({"event": "phase", "name": "rollout"})
        status.on_event({"event": "progress", "steps": 500, "total": 500, "unit": "steps"})
        status.on_event({"event": "phase", "name": "film"})
        for frame in range(1, 21):
            clock.now += 0.5
            status.on_event({"event": "progress", "steps": frame, "total": 250, "unit": "frames"})
        (line,) = StatusRenderer().render(status, columns)
        assert line.startswith("film 0:10")
        assert "20/250 frames" in line
        assert columns < 80 or "ETA 1:55" in line

    def test_what_is_counted_before_does_not_show_in_the_next_phase(self):
        status = Status(Clock())
        status.on_event({"event": "phase", "name": "rollout"})
        status.on_event({"event": "progress", "steps": 500, "total": 500, "unit": "steps"})
        status.on_event({"event": "phase", "name": "film"})
        assert StatusRenderer().render(status, 80) == ["film         "]


class TestTimeLeft:
    def test_it_counts_evaluations_but_not_what_came_before_the_first_update(self):
        status, clock = trained()
        assert status.remaining == pytest.approx(14.0, abs=1.5)  # 10,000 steps and 4 evaluations
        before = status.remaining
        clock.now += 1.0
        assert status.remaining == pytest.approx(before - 1.0)

    def test_it_is_smooth_although_the_step_time_is_not(self):
        step_time, eta, now, ends = StepTime(), SmoothEta(), 0.0, []
        for update in range(400):
            now += 0.1 if update % 2 else 0.4
            step_time.update(100 * update, now)
            if step_time.known:
                eta.update(now, (40_000 - 100 * update) * step_time.seconds_per_step)
                ends.append(now + eta.remaining(now))
        assert max(ends) - min(ends) < 0.1 * ends[-1]

    def test_there_is_none_before_enough_samples(self):
        status, _ = trained(updates=3)
        assert status.remaining is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.23456, "1.235"), (123456.7, "123,457"), (float("nan"), "-"), (None, "-"), (0, "0")],
)
def test_numbers_are_short(value, text):
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.250"), (12.5, "12.50"), (-789, "-789.0"), (12345, "12,345"), (None, "-")],
)
def test_numbers_of_a_column_have_aligned_decimals(value, text):
    assert formatting.aligned(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00k"), (51_200, "51.2k"), (999_999, "1.00M")],
)
def test_counts_are_short(count, text):
    assert formatting.short_count(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0:00"), (75, "1:15"), (3723, "1:02:03")])
def test_durations_read_like_clocks(seconds, text):
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 20, "▁▂▃▄▅▆▇█"),
        ([5, 5], 20, "▁▁"),
        ([0, float("nan"), 7], 20, "▁ █"),
        ([i // 10 for i in range(80)], 8, "▁▂▃▄▅▆▇█"),
        ([], 8, ""),
    ],
)
def test_curves_take_a_line(values, width, line):
    assert formatting.sparkline(list(values), width) == line
