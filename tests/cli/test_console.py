import errno
import io
import json
import os

import pytest
import typer

from rlctl.cli import console
from rlctl.core import errors


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(capsys, body, as_json=True):
    """Return exit code, stdout and stderr of a command with this body."""
    code = 0
    try:
        with console.command("thing", as_json) as out:
            body(out)
    except typer.Exit as ended:
        code = ended.exit_code
    return code, *capsys.readouterr()


def fail_with(error):
    def body(out):
        out.add_data({"figure": 1.5})
        raise error

    return body


def test_a_result_is_one_envelope(capsys):
    def body(out):
        out.add_data({"x": float("nan")})
        out.print("for people")
        out.print_table(("a",), [("b",)])

    code, out, err = run(capsys, body)
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "schema_version": 1,
        "command": "thing",
        "ok": True,
        "data": {"x": None},
        "error": None,
    }


LEAVES = [
    (errors.CheckFailed, 1),
    (errors.UsageError, 2),
    (errors.NotFound, 3),
    (errors.Damaged, 4),
    (errors.Unsafe, 5),
    (errors.Incompatible, 6),
    (errors.DeviceUnavailable, 7),
    (errors.Diverged, 8),
    (errors.OutOfSpace, 9),
    (errors.RendererMissing, 10),
    (errors.RunInUse, 11),
    (errors.StoppedUnsaved, 12),
    (errors.Stopped, 130),
]


def test_every_error_is_in_the_table():
    assert set(errors.RlctlError.__subclasses__()) == {kind for kind, _ in LEAVES}


@pytest.mark.parametrize(("kind", "expected"), LEAVES)
def test_every_error_has_its_exit_code_and_keeps_the_data(capsys, kind, expected):
    code, out, err = run(capsys, fail_with(kind("what", "next", {"more": 2})))
    envelope = json.loads(out)
    assert code == expected
    assert envelope["ok"] is False
    assert envelope["data"] == {"figure": 1.5, "more": 2}
    assert envelope["error"]["message"] == "what"
    assert envelope["error"]["hint"] == "next"
    assert err == ""


def test_codes_of_errors_are_words(capsys):
    _, out, _ = run(capsys, fail_with(errors.DeviceUnavailable("no")))
    assert json.loads(out)["error"]["code"] == "device_unavailable"


def test_errors_are_printed_on_stderr(capsys):
    code, out, err = run(capsys, fail_with(errors.NotFound("no run x", "train one")), False)
    assert (code, out) == (3, "")
    assert err == "error: no run x\nhint: train one\n"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (MemoryError(), 9),
        (OSError(errno.ENOSPC, "No space left on device"), 9),
        (OSError(errno.EDQUOT, "Quota exceeded"), 9),
        (KeyboardInterrupt(), 12),
        (BrokenPipeError(), 141),
    ],
)
def test_the_systems_own_failures_have_exit_codes(capsys, raised, expected):
    code, _, err = run(capsys, fail_with(raised), False)
    assert code == expected
    assert "Traceback" not in err


def test_a_bug_is_reported_briefly_with_its_traceback_in_a_file(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, out, err = run(capsys, fail_with(ZeroDivisionError("by nothing")))
    assert code == 70
    assert "Traceback" not in err + out
    error = json.loads(out)["error"]
    assert "ZeroDivisionError: by nothing" in error["message"]
    (report,) = (tmp_path / "rlctl" / "crashes").iterdir()
    assert str(report) in error["hint"]
    assert "in fail_with" not in report.read_text()
    assert "in body" in report.read_text()


def test_a_bug_is_reported_even_where_nothing_can_be_written(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    code, _, err = run(capsys, fail_with(ZeroDivisionError("by nothing")), False)
    assert code == 70
    assert "ZeroDivisionError: by nothing" in err


def test_debugging_shows_the_traceback(capsys, monkeypatch):
    monkeypatch.setenv("RLCTL_DEBUG", "1")
    code, out, err = run(capsys, fail_with(errors.NotFound("no run x")))
    assert code == 3
    assert "Traceback" in err
    assert json.loads(out)["error"]["message"] == "no run x"


def test_stray_prints_go_to_stderr(capsys):
    code, out, err = run(capsys, lambda out: print("from a library"))
    assert json.loads(out)["ok"] is True
    assert (code, err) == (0, "from a library\n")


def test_a_table_is_plain_and_aligned_in_a_pipe(capsys):
    rows = [("short", 1.5, "-"), ("much longer", "12,000", "words")]
    _, out, _ = run(capsys, lambda out: out.print_table(("name", "size", "note"), rows), False)
    assert out.splitlines() == [
        "name           size  note",
        "short           1.5  -",
        "much longer  12,000  words",
    ]


def test_a_table_on_a_terminal_has_no_escapes_where_they_are_unwanted(monkeypatch):
    for no_color, escapes in (("1", False), ("", True)):
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setenv("TERM", "xterm-256color")
        out = console.Console("thing")
        out.stdout = Terminal()
        out.print_table(("name",), [("[bold]x[/bold]",)])
        assert "[bold]x[/bold]" in out.stdout.getvalue()
        assert ("\033[" in out.stdout.getvalue()) is escapes


def lines_of(monkeypatch, columns, header, rows):
    """Return the lines of a table on a terminal of this width."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    out = console.Console("thing")
    out.stdout = Terminal()
    out.print_table(header, rows)
    return out.stdout.getvalue().splitlines()


NARROW = ("name", "size", "meaning"), [("short", 1, "a few words of text"), ("longer", 12, "-")]
WORDY = ("name", "meaning", "n"), [("first", "some words " * 8, 3), ("second", "y" * 30, 4)]


@pytest.mark.parametrize(
    ("columns", "table", "lines"),
    [
        (40, NARROW, [
            "name    size  meaning",
            "short      1  a few words of text",
            "longer    12  -",
        ]),
        (25, NARROW, [
            "name    size",
            "  meaning",
            "short      1",
            "  a few words of text",
            "longer    12",
        ]),
        (38, WORDY, [
            "name    meaning                     n",
            "first   some words some words some  3",
            "        words some words some",
            "        words some words some",
            "        words some words",
            "second  yyyyyyyyyyyyyyyyyyyyyyyyyy  4",
            "        yyyy",
        ]),
    ],
)  # fmt: skip
def test_a_table_fits_the_terminal(monkeypatch, columns, table, lines):
    assert lines_of(monkeypatch, columns, *table) == lines


def test_wide_letters_keep_columns_in_line(monkeypatch):
    rows = [("\u673a\u5668\u4eba", "x"), ("robots", "x")]
    lines = lines_of(monkeypatch, 80, ("name", "mark"), rows)
    assert lines[1:] == ["\u673a\u5668\u4eba  x", "robots  x"]


@pytest.mark.parametrize("terminal", [True, False])
def test_words_wrap_on_a_terminal_and_stay_whole(monkeypatch, terminal):
    monkeypatch.setenv("COLUMNS", "40")
    path = "/a/long/path/" + "x" * 40
    out = console.Console("thing")
    out.stdout = Terminal() if terminal else io.StringIO()
    out.print("with noise and without; 1e-05 of the action's range is tolerated")
    out.print_pairs({"name": "two words " * 6, "path": path})
    lines = out.stdout.getvalue().splitlines()
    assert (len(lines) == 3) is not terminal
    assert any(line.endswith(path) for line in lines)
    if terminal:
        assert lines[:2] == ["with noise and without; 1e-05 of the", "action's range is tolerated"]
        assert lines[3].startswith("      words two words")


@pytest.mark.parametrize(
    ("environ", "stream", "painted"),
    [
        ({"TERM": "xterm"}, Terminal(), True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Terminal(), False),
        ({"TERM": "dumb"}, Terminal(), False),
        ({"TERM": "xterm"}, io.StringIO(), False),
    ],
)
def test_colors_only_where_they_are_supported_and_wanted(monkeypatch, environ, stream, painted):
    monkeypatch.setattr(os, "environ", environ)
    assert (console.colorize("x", "31", stream) != "x") is painted


def test_quiet_keeps_results_warnings_and_errors(capsys):
    with console.command("thing", quiet=True) as out:
        out.info("by the way")
        out.progress.event("phase", name="compile")
        out.progress.event("warning", message="skipped")
        out.print("the result")
    assert capsys.readouterr() == ("the result\n", "warning: skipped\n")


def test_verbose_prints_details(capsys):
    for verbose in (False, True):
        with console.command("thing", verbose=verbose) as out:
            out.debug("more")
        assert (capsys.readouterr().err == "more\n") is verbose


def test_the_progress_display_is_cleared_before_results(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with console.command("thing") as out:
        out.progress.event("phase", name="compile")
        out.info("by the way")
        shown = terminal.getvalue()
        out.print("the result")
    assert "compile" in shown
    assert "by the way\n" in shown
    assert not shown.endswith("\033[J")
    assert terminal.getvalue().endswith("\r\033[J")  # wiped before the result
    assert capsys.readouterr().out == "the result\n"
