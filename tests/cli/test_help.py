"""Help text: headings and names are colored only on terminals with colors."""

import io
import re

import pytest

from rlctl import cli
from rlctl.cli.help import colored


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("args", [[], ["--help"], ["train", "--help"], ["config", "show", "-h"]])
def test_help_has_colors_on_a_terminal_only(monkeypatch, rlctl, args):
    plain = rlctl(*args).out
    assert "\033" not in plain
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    assert cli.run(args) == 0
    shown = terminal.getvalue()
    assert "\033[1mUsage:\033[0m" in shown
    assert "\033[36m-h, --help\033[0m" in shown
    assert re.sub(r"\033\[\d*m", "", shown) == plain


def test_only_names_at_the_beginning_of_a_line_are_colored(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Terminal())
    assert colored("  rlctl train pendulum --cpu\n") == "  rlctl train pendulum --cpu\n"
    assert colored("  --out FILE  a file") == "  \033[36m--out\033[0m FILE  a file"
