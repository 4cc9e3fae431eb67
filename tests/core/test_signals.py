import os
import signal
import subprocess
import sys
import threading

import pytest

from rlctl.core.errors import StoppedUnsaved
from rlctl.core.signals import StopFlag


@pytest.mark.parametrize(
    ("signum", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_the_first_signal_asks_and_the_second_insists(signum, name):
    notices, heard = [], threading.Event()
    with StopFlag(lambda line: (notices.append(line), heard.set())) as stop:
        assert stop() is None
        os.kill(os.getpid(), signum)
        assert stop() == signum
        assert heard.wait(5)
        with pytest.raises(StoppedUnsaved, match="second signal"):
            os.kill(os.getpid(), signum)
    name = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[signum]
    assert notices == [f"{name}: stopping and saving; send it again to stop immediately"]


def test_everything_is_put_back():
    def state():
        return [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]

    before, threads = state(), threading.active_count()
    with StopFlag():
        assert state() != before
        assert threading.active_count() == threads + 1
    assert state() == before
    assert threading.active_count() == threads
    assert signal.set_wakeup_fd(-1) == -1


def test_a_request_stops_like_a_signal_and_does_not_replace_one():
    stop = StopFlag()
    stop.request(13)
    stop.request(15)
    assert stop() == 13


def test_outside_the_main_thread_nothing_is_caught():
    def work():
        with StopFlag() as stop:
            seen.append(stop())

    seen, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc's locks")
def test_signals_are_heard_while_the_main_thread_is_deep_in_compiled_code():
    """Python runs no signal handlers while C code waits for a lock or compiles."""
    script = (
        "import ctypes, sys\n"
        "from rlctl.core.signals import StopFlag\n"
        "with StopFlag(lambda line: print(line, flush=True)):\n"
        "    print('deep', flush=True)\n"
        "    mutex, lock = ctypes.create_string_buffer(64), ctypes.CDLL(None).pthread_mutex_lock\n"
        "    lock(mutex), lock(mutex)\n"
    )
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "deep\n"
        process.send_signal(signal.SIGTERM)
        assert "again to stop" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 12


def test_signals_that_come_as_one_are_still_two():
    script = (
        "import os, signal, time\n"
        "from rlctl.core.errors import StoppedUnsaved\n"
        "from rlctl.core.signals import SIGNALS, StopFlag\n"
        "with StopFlag() as stop:\n"
        "    handler = signal.signal(signal.SIGTERM, lambda *whatever: None)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"  # heard by the thread alone
        "    signal.signal(signal.SIGTERM, handler)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    try:\n"
        "        time.sleep(10)\n"
        "    except StoppedUnsaved as error:\n"
        "        print(error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "stopped immediately by a second signal, SIGTERM\n"
