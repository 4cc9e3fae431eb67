"""Output of all commands: results on stdout, everything else on stderr.

The body of a command runs under `command`, which turns errors into exit codes:

    def thing(env: OptionalEnv = None, as_json: Json = False, quiet: Quiet = False) -> None:
        with console.command("thing", as_json, quiet) as out:
            device.select(...)
            from rlctl.actions.thing import do_thing   # loads frameworks, so after `select`

            report = do_thing(env, out.progress)
            out.add_data(report.to_json())             # for --json
            out.print_table(("name", "value"), rows)   # for people
"""

import errno
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime
from typing import IO, Any

import typer

from rlctl.cli.formatting import display_width, terminal_columns
from rlctl.core import device, files, plugins
from rlctl.core.errors import (
    DeviceUnavailable,
    NotFound,
    OutOfSpace,
    RlctlError,
    Stopped,
    StoppedUnsaved,
    UsageError,
)
from rlctl.core.progress import Progress
from rlctl.core.signals import interruptible

SCHEMA_VERSION = 1
_PATH_ERRORS = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)  # bad paths, not bugs
_UNPRINTABLE = re.compile(r"(?!\033\[[0-9;]*m)[^\n\t -~]")  # color sequences are allowed
PIPE_CLOSED = 128 + 13  # exit status in a shell after SIGPIPE


class Console:
    """Output of one command, as text or as JSON.

    Attributes:
        progress: Progress reporter for actions; it is displayed on stderr.
        on_broken_pipe: Called when progress cannot be printed because the pipe is closed. Printing
            progress never fails for that; printing results does.
    """

    def __init__(
        self, name: str, as_json: bool = False, quiet: bool = False, verbose: bool = False
    ) -> None:
        self.name = name
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        self.data: dict[str, Any] = {}
        self.stdout: IO[str] = sys.stdout
        self.progress = Progress(self._event)
        self.on_broken_pipe: Callable[[], None] = lambda: None
        self._streams_events = False
        self._display: Any = None
        self._shows_progress = True

    def add_data(self, data: dict[str, Any]) -> None:
        """Add members to the `data` of the JSON envelope."""
        self.data.update(data)

    def print(self, line: str = "") -> None:
        """Print a line of the result, unless --json."""
        self.print_wrapped("", line)

    def print_wrapped(self, head: str, body: str) -> None:
        """Print a line of the result; on a terminal, wrap `body` with a hanging indent."""
        if self.as_json:
            return
        self._clear_display()
        indent, lines = display_width(head), [body]
        width = terminal_columns(self.stdout) - indent - 1 if self.stdout.isatty() else 0
        if width > 0 and display_width(body) > width:
            from textwrap import wrap

            lines = wrap(body, width, break_long_words=False, break_on_hyphens=False)
        self._out(head + ("\n" + " " * indent).join(lines))

    def print_table(self, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print a table of the result, unless --json."""
        if self.as_json or not rows:
            return
        from rlctl.cli.tables import table

        self._clear_display()
        texts = [[escape_controls(str(cell)) for cell in row] for row in rows]
        width = terminal_columns(self.stdout) - 1 if self.stdout.isatty() else None
        for line in table(header, texts, width, lambda line: colorize(line, "1", self.stdout)):
            self._out(line)

    def print_pairs(self, values: dict[str, Any]) -> None:
        """Print names and values of the result, unless --json."""
        width = max(map(len, values), default=0)
        for name, value in values.items():
            self.print_wrapped(f"{name:<{width}}  ", str(value))

    def info(self, line: str) -> None:
        """Print a message on stderr, unless --quiet."""
        if not self.quiet:
            self._err(line)

    def debug(self, line: str) -> None:
        """Print a message on stderr with --verbose."""
        if self.verbose:
            self.info(line)

    def warn(self, line: str) -> None:
        """Print a warning on stderr."""
        self._err(colorize("warning:", "33", sys.stderr) + " " + line)

    def stream_events(self) -> None:
        """With --json, print progress as JSON lines on stdout before the envelope."""
        self._streams_events = self.as_json

    def finish(self, error: RlctlError | None) -> int:
        """Print the envelope or the error; return the exit code."""
        self.close()
        if error is not None:
            self.add_data(error.data)
            error.hint = error.hint.replace("`--help`", f"`rlctl {self.name} --help`")
            if not self.as_json:
                self._print_error(error)
        code = 0 if error is None else error.exit_code
        if self.as_json:
            self._out(envelope(self.name, self.data, error))
        return code

    def _print_error(self, error: RlctlError) -> None:
        """Print an error and its hint; a stopped and saved training is not printed as an error."""
        if isinstance(error, Stopped):
            self._err(colorize(error.message, "32", sys.stderr))
        else:
            self._err(f"{colorize('error:', '31', sys.stderr)} {error.message}")
        if error.hint:
            label = "next:" if isinstance(error, Stopped) else "hint:"
            self._err(f"{colorize(label, '36', sys.stderr)} {error.hint}")

    def close(self) -> None:
        """Stop the progress display."""
        self._shows_progress = False
        self._clear_display()

    def _clear_display(self) -> None:
        """Remove the progress display before other output; the next event draws it again."""
        if self._display is not None:
            self._display.close()
            self._display = None

    def _event(self, event: dict[str, Any]) -> None:
        if event["event"] == "warning":
            self.warn(event["message"])
        if self._shows_progress and not self.quiet:
            if self._display is None:
                self._display = self._make_display()
            self._display(event)

    def _make_display(self) -> Callable[[dict[str, Any]], None]:
        from rlctl.cli import progress_display

        if self._streams_events:
            return progress_display.JsonDisplay(lambda line: self._print_if_open(line, self.stdout))
        if can_move_cursor(sys.stderr):
            return progress_display.LiveDisplay(sys.stderr)
        return progress_display.LineDisplay(self._err)

    def _out(self, line: str) -> None:
        print(escape_controls(line), file=self.stdout, flush=True)

    def _err(self, line: str) -> None:
        line = escape_controls(line)
        above_live_line = getattr(self._display, "write", None)
        if above_live_line is not None:
            above_live_line(line)
        else:
            self._print_if_open(line, sys.stderr)

    def _print_if_open(self, line: str, stream: IO[str]) -> None:
        """Print a line; a closed pipe is no error."""
        try:
            print(line, file=stream, flush=True)
        except BrokenPipeError:
            self.on_broken_pipe()


@contextmanager
def command(
    name: str, as_json: bool = False, quiet: bool = False, verbose: bool = False
) -> Iterator[Console]:
    """Run the body of a command and exit with its exit code.

    Prints of libraries go to stderr, so that stdout contains only results.

    Raises:
        typer.Exit: With the exit code, unless it is 0.
    """
    out = Console(name, as_json, quiet, verbose)
    error: RlctlError | None = None
    try:
        with redirect_stdout(sys.stderr), plugins.warnings_to(out.warn), interruptible():
            try:
                yield out
            except (Exception, KeyboardInterrupt) as raised:
                if isinstance(raised, (BrokenPipeError, typer.Exit)):
                    raise
                error = as_rlctl_error(raised)
        code = out.finish(error)
    except BrokenPipeError:
        code = PIPE_CLOSED
    finally:
        out.close()
    if code:
        raise typer.Exit(code)


def as_rlctl_error(raised: BaseException) -> RlctlError:
    """Return the error to report for any exception."""
    if os.environ.get("RLCTL_DEBUG"):
        traceback.print_exception(raised, file=sys.stderr)
    if isinstance(raised, RlctlError):
        return raised
    if isinstance(raised, KeyboardInterrupt):
        return StoppedUnsaved(f"stopped by {str(raised) or 'Ctrl-C'} before it was finished")
    if isinstance(raised, MemoryError):
        return OutOfSpace("out of memory", "use fewer environments (--num-envs) or episodes")
    if isinstance(raised, RuntimeError) and "Unable to initialize backend" in str(raised):  # of jax
        return DeviceUnavailable(str(raised), "unset JAX_PLATFORMS, or use --cpu")
    if isinstance(raised, OSError) and raised.errno in files.FULL:
        return OutOfSpace(f"no space left on the disk: {raised}", "free some space and try again")
    if isinstance(raised, OSError) and raised.errno == errno.EIO:
        return OutOfSpace(f"the disk failed: {raised}", "what was saved before is kept")
    if isinstance(raised, OSError) and raised.errno in _PATH_ERRORS and raised.filename is not None:
        return NotFound(
            f"cannot use {str(raised.filename)[:80]}: {raised.strerror}", "check the path"
        )
    summary = plugins.in_one_line(raised)
    if culprit := plugins.raising_package(raised):
        return UsageError(f"{culprit}: {summary}", "RLCTL_DEBUG=1 shows the whole traceback")
    return _unexpected(raised, summary)


def _unexpected(raised: BaseException, summary: str) -> RlctlError:
    """Return the report of an unexpected error: a bug, or an effect of the user's variables."""
    file = _crash_report(raised)
    report = f"please report it; the traceback is in {file}" if file else "set RLCTL_DEBUG=1"
    if variables := ", ".join(device.user_jax_variables()):
        return RlctlError(
            f"rlctl failed: {summary}",
            f"{variables} in the environment may be the cause: try without; if that fails too, "
            f"{report}",
        )
    return RlctlError(f"rlctl failed, which is a bug: {summary}", report)


def usage_error(raised: typer.TyperException, args: Sequence[str]) -> int:
    """Report a usage error of Typer like every other error; return the exit code."""
    from rlctl.cli import usage_errors

    context = getattr(raised, "ctx", None)
    name = "rlctl" if context is None else context.command_path.partition(" ")[2] or "rlctl"
    error = usage_errors.usage_error(raised.format_message(), context, args)
    return Console(name, as_json="--json" in args).finish(error)


def echo(text: str) -> None:
    """Print text that is the whole result, such as the help."""
    print(text, flush=True)


def envelope(name: str, data: dict[str, Any], error: RlctlError | None) -> str:
    """Return the JSON object that ends the output of every command with --json."""
    problem = error and {"code": error.code, "message": error.message, "hint": error.hint}
    return files.to_json(
        {
            "schema_version": SCHEMA_VERSION,
            "command": name,
            "ok": error is None,
            "data": data,
            "error": problem,
        }
    )


def escape_controls(text: str) -> str:
    """Escape control characters, except colors.

    Names come from files that others made. Unescaped, they could move the cursor, hide text or
    reverse its direction.
    """
    if text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda match: _escaped(match[0]), text)


def _escaped(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def colorize(text: str, code: str, stream: IO[str]) -> str:
    """Return the text in a color if the stream shows colors."""
    return colorizer(stream)(text, code)


def colorizer(stream: IO[str]) -> Callable[[str, str], str]:
    """Return a function (text, code) -> colored text for a stream."""
    if supports_color(stream):
        return lambda text, code: f"\033[{code}m{text}\033[0m"
    return lambda text, code: text


def can_move_cursor(stream: IO[str]) -> bool:
    """Return whether the stream is a terminal with cursor control; old Windows consoles lack it."""
    moves = os.name != "nt" or "WT_SESSION" in os.environ or "TERM" in os.environ
    return stream.isatty() and moves and os.environ.get("TERM") != "dumb"


def supports_color(stream: IO[str]) -> bool:
    """Return whether the stream is a terminal that shows colors; NO_COLOR turns them off."""
    disabled = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not disabled


def _crash_report(raised: BaseException) -> str:
    """Write the traceback to the cache folder; return its path, "" if it cannot be written."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = files.cache_folder() / "crashes" / f"{stamp}-{os.getpid()}.txt"
    lines = [f"argv: {sys.argv}\npython: {sys.version}\n\n", *traceback.format_exception(raised)]
    with suppress(OutOfSpace, OSError):
        files.write_atomic(path, "".join(lines).encode(errors="backslashreplace"))
        return str(path)
    return ""
