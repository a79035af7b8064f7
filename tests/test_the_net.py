"""The checks that every test runs under, tried on small test files of their own: each leak is found and named, and a clean test passes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
CONFTEST = Path(__file__).with_name("conftest.py")
HOUSE = CONFTEST.parents[1]
INI = """
[pytest]
qt_api = pyside6
qt_log_level_fail = WARNING
qt_log_ignore = This plugin does not support
filterwarnings = error
"""

LEAKY = """
import asyncio, socket, threading
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel
kept = []
def test_widget(qapp):
    kept.append(QLabel("left over"))
def test_timer(qapp):
    kept.append(QTimer())
    kept[-1].start(1000)
def test_task(loop):
    loop.create_task(asyncio.Event().wait(), name="forgotten")
def test_lost_error(loop):
    loop.call_soon(lambda: 1 / 0)
    loop.run_until_complete(asyncio.sleep(0.01))
def test_thread():
    threading.Thread(target=threading.Event().wait, name="worker", daemon=True).start()
def test_file(tmp_path):
    kept.append((tmp_path / "log").open("w"))
def test_socket():
    kept.append(socket.socketpair())
"""
SAID = (
    "widget QLabel",
    "timer every 1000 ms, without a parent",
    "task 'forgotten'",
    "division by zero",
    "thread 'worker'",
    "open file /",
    "open socket:",
)


def test_every_leak_is_named(pytester: pytest.Pytester) -> None:
    result = _outcome(pytester, LEAKY)
    result.assert_outcomes(passed=len(SAID), errors=len(SAID))
    told = [line for line in result.stdout.lines if line.startswith("E ") and "left behind: " in line]
    assert [said for said in SAID if not any(said in line for line in told)] == []


def test_a_clean_test_passes(pytester: pytest.Pytester) -> None:
    result = _outcome(
        pytester,
        """
        import asyncio
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QLabel
        def test_until(qtbot, until):
            label = QLabel("seen")
            qtbot.addWidget(label)
            timer = QTimer(label)
            timer.timeout.connect(lambda: label.setText("rung"))
            timer.start(1)
            until(lambda: label.text() == "rung")
        def test_run(run):
            assert run(asyncio.sleep(0, "done")) == "done"
        async def test_on_asyncio(soon):
            asyncio.get_running_loop().call_soon(seen.append, 1)
            await soon(lambda: seen)
        async def test_on_qt(qapp, soon):
            assert "Q" in type(asyncio.get_running_loop()).__name__
            seen.clear()
            QTimer.singleShot(1, lambda: seen.append(2))
            await soon(lambda: seen)
        seen = []
        """,
    )
    result.assert_outcomes(passed=4)


def test_what_never_becomes_true_fails_with_its_own_words(pytester: pytest.Pytester) -> None:
    result = _outcome(
        pytester,
        """
        def test_it(until):
            until(lambda: 1 > 2, timeout=0.05)
        """,
    )
    result.assert_outcomes(failed=1)
    assert "1 > 2" in result.stdout.str()


def _outcome(pytester: pytest.Pytester, source: str) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makeini(INI)
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-o", f"pythonpath={HOUSE}")
