"""The only printer: results on stdout, everything else on stderr.

Every command is a body under `command`, which turns errors into exit codes:

    def thing(env: OptionalEnv = None, as_json: Json = False, quiet: Quiet = False) -> None:
        with console.command("thing", as_json, quiet) as out:
            device.select(...)
            from rlctl.actions.thing import do_thing   # only now: frameworks load here

            report = do_thing(env, out.progress)
            out.data(report.to_json())                 # what --json shows
            out.table(("name", "value"), rows)         # what people see
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

from rlctl.cli.formatting import cells, columns
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
_REFUSED = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)  # paths, not bugs
_UNPRINTABLE = re.compile(r"(?!\033\[[0-9;]*m)[^\n\t -~]")  # the start of a color is none
PIPE_CLOSED = 128 + 13  # what a shell reports of a program ended by SIGPIPE


class Console:
    """What a command says, and how.

    Attributes:
        progress: Given to actions; long work shows on stderr while it runs.
        reader_gone: Called when nobody reads progress any more (a closed pipe). Progress never
            fails for that; results do.
    """

    def __init__(
        self, name: str, as_json: bool = False, quiet: bool = False, verbose: bool = False
    ) -> None:
        self.name = name
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        self.figures: dict[str, Any] = {}
        self.stdout: IO[str] = sys.stdout
        self.progress = Progress(self._event)
        self.reader_gone: Callable[[], None] = lambda: None
        self._streams_events = False
        self._listener: Any = None
        self._listening = True

    def data(self, figures: dict[str, Any]) -> None:
        """Report figures in the JSON envelope."""
        self.figures.update(figures)

    def text(self, line: str = "") -> None:
        """Print a line of the result; nothing under --json."""
        self.wrapped("", line)

    def wrapped(self, head: str, body: str) -> None:
        """Print a line of the result; on a terminal what is too long goes on below its body."""
        if self.as_json:
            return
        self._take_line_away()
        indent, lines = cells(head), [body]
        room = columns(self.stdout) - indent - 1 if self.stdout.isatty() else 0
        if room > 0 and cells(body) > room:
            from textwrap import wrap

            lines = wrap(body, room, break_long_words=False, break_on_hyphens=False)
        self._out(head + ("\n" + " " * indent).join(lines))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print a table of the result; nothing under --json."""
        if self.as_json or not rows:
            return
        from rlctl.cli.tables import table

        self._take_line_away()
        texts = [[harmless(str(cell)) for cell in row] for row in rows]
        room = columns(self.stdout) - 1 if self.stdout.isatty() else None
        for line in table(header, texts, room, lambda line: paint(line, "1", self.stdout)):
            self._out(line)

    def pairs(self, values: dict[str, Any]) -> None:
        """Print names and values of the result; nothing under --json."""
        width = max(map(len, values), default=0)
        for name, value in values.items():
            self.wrapped(f"{name:<{width}}  ", str(value))

    def note(self, line: str) -> None:
        """Tell something on the way, on stderr; nothing under --quiet."""
        if not self.quiet:
            self._err(line)

    def detail(self, line: str) -> None:
        """Tell something on the way that only --verbose wants."""
        if self.verbose:
            self.note(line)

    def warn(self, line: str) -> None:
        """Tell of trouble that does not stop the command."""
        self._err(paint("warning:", "33", sys.stderr) + " " + line)

    def stream_events(self) -> None:
        """Under --json, print progress as JSON lines on stdout before the envelope."""
        self._streams_events = self.as_json

    def finish(self, error: RlctlError | None) -> int:
        """Print the end of the command: the envelope, or the error. Returns the exit code."""
        self.close()
        if error is not None:
            self.data(error.data)
            error.hint = error.hint.replace("`--help`", f"`rlctl {self.name} --help`")
            if not self.as_json:
                self._tell(error)
        code = 0 if error is None else error.exit_code
        if self.as_json:
            self._out(envelope(self.name, self.figures, error))
        return code

    def _tell(self, error: RlctlError) -> None:
        """Tell what went wrong and what to do; work that was stopped and saved did not fail."""
        if isinstance(error, Stopped):
            self._err(paint(error.message, "32", sys.stderr))
        else:
            self._err(f"{paint('error:', '31', sys.stderr)} {error.message}")
        if error.hint:
            label = "next:" if isinstance(error, Stopped) else "hint:"
            self._err(f"{paint(label, '36', sys.stderr)} {error.hint}")

    def close(self) -> None:
        """Stop showing progress."""
        self._listening = False
        self._take_line_away()

    def _take_line_away(self) -> None:
        """Leave the terminal to what is printed next; the next event brings the line back."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _event(self, event: dict[str, Any]) -> None:
        if event["event"] == "warning":
            self.warn(event["message"])
        if self._listening and not self.quiet:
            if self._listener is None:
                self._listener = self._make_listener()
            self._listener(event)

    def _make_listener(self) -> Callable[[dict[str, Any]], None]:
        from rlctl.cli import progress_display

        if self._streams_events:
            return progress_display.Events(lambda line: self._aside(line, self.stdout))
        if redrawable(sys.stderr):
            return progress_display.Live(sys.stderr)
        return progress_display.Lines(self._err)

    def _out(self, line: str) -> None:
        print(harmless(line), file=self.stdout, flush=True)

    def _err(self, line: str) -> None:
        line = harmless(line)
        above_live_line = getattr(self._listener, "write", None)
        if above_live_line is not None:
            above_live_line(line)
        else:
            self._aside(line, sys.stderr)

    def _aside(self, line: str, stream: IO[str]) -> None:
        """Print what is not worth failing for."""
        try:
            print(line, file=stream, flush=True)
        except BrokenPipeError:
            self.reader_gone()


@contextmanager
def command(
    name: str, as_json: bool = False, quiet: bool = False, verbose: bool = False
) -> Iterator[Console]:
    """Run the body of a command, and end with its exit code whatever happens.

    Stray prints of libraries go to stderr, so that stdout holds results alone.

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
                error = understood(raised)
        code = out.finish(error)
    except BrokenPipeError:
        code = PIPE_CLOSED
    finally:
        out.close()
    if code:
        raise typer.Exit(code)


def understood(raised: BaseException) -> RlctlError:
    """The error that the user is told of, whatever was raised."""
    if os.environ.get("RLCTL_DEBUG"):
        traceback.print_exception(raised, file=sys.stderr)
    if isinstance(raised, RlctlError):
        return raised
    if isinstance(raised, KeyboardInterrupt):
        return StoppedUnsaved(f"stopped by {str(raised) or 'Ctrl-C'} before it was done")
    if isinstance(raised, MemoryError):
        return OutOfSpace("out of memory", "take fewer environments (--num-envs) or episodes")
    if isinstance(raised, RuntimeError) and "Unable to initialize backend" in str(raised):  # of jax
        return DeviceUnavailable(str(raised), "unset JAX_PLATFORMS, or use --cpu")
    if isinstance(raised, OSError) and raised.errno in files.FULL:
        return OutOfSpace(f"no space left on the disk: {raised}", "free some space and try again")
    if isinstance(raised, OSError) and raised.errno == errno.EIO:
        return OutOfSpace(f"the disk failed: {raised}", "what was saved before is kept")
    if isinstance(raised, OSError) and raised.errno in _REFUSED and raised.filename is not None:
        return NotFound(
            f"cannot use {str(raised.filename)[:80]}: {raised.strerror}", "check the path"
        )
    summary = plugins.in_one_line(raised)
    if culprit := plugins.raising_package(raised):
        return UsageError(f"{culprit}: {summary}", "RLCTL_DEBUG=1 shows the whole traceback")
    return _unexpected(raised, summary)


def _unexpected(raised: BaseException, summary: str) -> RlctlError:
    """Report an error that rlctl did not expect: a bug, or an effect of the user's variables."""
    place = _crash_report(raised)
    report = f"please report it; the traceback is in {place}" if place else "set RLCTL_DEBUG=1"
    if variables := ", ".join(device.user_jax_variables()):
        return RlctlError(
            f"rlctl failed: {summary}",
            f"perhaps because of {variables} in the environment: try without; if that fails too, "
            f"{report}",
        )
    return RlctlError(f"rlctl failed, which is a bug: {summary}", report)


def usage_error(raised: typer.TyperException, args: Sequence[str]) -> int:
    """Tell what Typer did not understand, as every other error is told. Returns the exit code."""
    from rlctl.cli import usage_errors

    context = getattr(raised, "ctx", None)
    name = "rlctl" if context is None else context.command_path.partition(" ")[2] or "rlctl"
    error = usage_errors.usage_error(raised.format_message(), context, args)
    return Console(name, as_json="--json" in args).finish(error)


def echo(text: str) -> None:
    """Print text that is the whole result, like help."""
    print(text, flush=True)


def envelope(name: str, figures: dict[str, Any], error: RlctlError | None) -> str:
    """The one JSON object that ends every command under --json."""
    told = error and {"code": error.code, "message": error.message, "hint": error.hint}
    return files.to_json(
        {
            "schema_version": SCHEMA_VERSION,
            "command": name,
            "ok": error is None,
            "data": figures,
            "error": told,
        }
    )


def harmless(text: str) -> str:
    """The text with escapes for what would move the cursor, hide or turn around what is told.

    Names and facts of files are printed, and whoever made the file chose them. Colors stay.
    """
    if text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda found: _escaped(found[0]), text)


def _escaped(found: str) -> str:
    return found if found.isprintable() else found.encode("unicode_escape").decode()


def paint(text: str, code: str, stream: IO[str]) -> str:
    """The text in a color, where colors are seen and wanted."""
    return in_color(stream)(text, code)


def in_color(stream: IO[str]) -> Callable[[str, str], str]:
    """(text, code) -> the text in a color, for a stream that is asked once."""
    if colorful(stream):
        return lambda text, code: f"\033[{code}m{text}\033[0m"
    return lambda text, code: text


def redrawable(stream: IO[str]) -> bool:
    """Whether the stream is a terminal whose cursor can be moved; old ones of Windows are not."""
    moves = os.name != "nt" or "WT_SESSION" in os.environ or "TERM" in os.environ
    return stream.isatty() and moves and os.environ.get("TERM") != "dumb"


def colorful(stream: IO[str]) -> bool:
    """Whether the stream is a terminal that may show colors."""
    unwanted = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not unwanted


def _crash_report(raised: BaseException) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = files.cache_folder() / "crashes" / f"{stamp}-{os.getpid()}.txt"
    lines = [f"argv: {sys.argv}\npython: {sys.version}\n\n", *traceback.format_exception(raised)]
    with suppress(OutOfSpace, OSError):
        files.write_atomic(path, "".join(lines).encode(errors="backslashreplace"))
        return str(path)
    return ""
