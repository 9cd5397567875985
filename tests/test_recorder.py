from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

from builders import DUBLIN, EU, US, a_header, dns

from harness.clock import VirtualClock
from harness.history import load_history
from harness.recorder import Recorder


def test_what_is_recorded_is_on_disk_at_once(tmp_path):
    path = tmp_path / "history.jsonl"
    recorder = Recorder(VirtualClock(), a_header(), path)

    recorder.record(dns(DUBLIN, EU, 1))

    assert list(load_history(path).history) == [a_header(), dns(DUBLIN, EU, 1)]
    recorder.close()


def test_without_a_path_events_are_kept_in_memory():
    recorder = Recorder(VirtualClock(), a_header())
    recorder.record(dns(DUBLIN, EU, 1))

    assert len(recorder.history()) == 2


def test_the_history_so_far_does_not_grow_afterwards():
    recorder = Recorder(VirtualClock(), a_header())

    before = recorder.history()
    recorder.record(dns(DUBLIN, EU, 1))

    assert len(before) == 1


def test_lines_of_many_threads_are_all_whole(tmp_path):
    """8 threads × 100 events, and the header."""
    path = tmp_path / "history.jsonl"
    with Recorder(VirtualClock(), a_header(), path) as recorder:

        def record() -> None:
            for n in range(100):
                recorder.record(dns(DUBLIN, EU, float(n)))

        threads = [threading.Thread(target=record) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    loaded = load_history(path)
    assert (len(loaded.history), loaded.dropped_lines) == (801, 0)


def test_a_listener_hears_what_comes_until_it_stops():
    recorder = Recorder(VirtualClock(), a_header())
    heard = []

    stop = recorder.listen(heard.append)
    recorder.record(dns(DUBLIN, EU, 1))
    stop()
    recorder.record(dns(DUBLIN, EU, 2))

    assert heard == [dns(DUBLIN, EU, 1)]


def test_a_listener_may_ask_for_the_history():
    """A condition that looks back while it listens must not wait for the recorder's own lock."""
    recorder = Recorder(VirtualClock(), a_header())
    lengths = []
    recorder.listen(lambda _: lengths.append(len(recorder.history())))

    thread = threading.Thread(target=recorder.record, args=(dns(DUBLIN, EU, 1),), daemon=True)
    thread.start()
    thread.join(5)

    assert lengths == [2]


def test_a_listener_may_stop_itself_without_another_missing_an_event():
    recorder = Recorder(VirtualClock(), a_header())
    heard = []
    stop = recorder.listen(lambda _: stop())
    recorder.listen(heard.append)

    recorder.record(dns(DUBLIN, EU, 1))
    recorder.record(dns(DUBLIN, US, 2))

    assert heard == [dns(DUBLIN, EU, 1), dns(DUBLIN, US, 2)]


def test_after_closing_nothing_more_is_written(tmp_path):
    path = tmp_path / "history.jsonl"
    with Recorder(VirtualClock(), a_header(), path) as recorder:
        pass

    recorder.record(dns(DUBLIN, EU, 1))

    assert len(load_history(path).history) == 1


def test_kill_9_loses_nothing_that_was_recorded(tmp_path):
    path = tmp_path / "history.jsonl"
    code = f"""
        import os, signal, sys
        from pathlib import Path
        sys.path[:0] = {sys.path!r}
        from builders import DUBLIN, EU, a_header, dns
        from harness.clock import VirtualClock
        from harness.recorder import Recorder
        recorder = Recorder(VirtualClock(), a_header(), Path({str(path)!r}))
        for n in range(50):
            recorder.record(dns(DUBLIN, EU, float(n)))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, env=os.environ, timeout=30)

    assert ended.returncode == -signal.SIGKILL
    assert len(load_history(path).history) == 51
