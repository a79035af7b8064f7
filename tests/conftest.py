"""What every test stands on: Qt off screen, one event loop a test, conditions instead of sleeps, and a check that nothing is left behind.

A test is a Qt test when it asks for `qapp`, `qtbot`, `loop`, `run` or `until`. Such a test must leave no top-level widget, no ticking timer and no
pending task; every test must leave no thread and no open file. What leaked is named. A test may also be `async def`: it then runs on
the Qt loop if it is a Qt test and on a plain asyncio loop if not.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYTEST_QT_API", "pyside6")

import pytest
import qasync
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from app.qt.collector import collect_due

# In the desk Python's cycle collector runs on Qt's thread alone (see there), so here too: after each test.
gc.disable()

T = TypeVar("T")
QT_FIXTURES = frozenset({"qapp", "qtbot", "loop", "run", "until"})
CJK_FAMILIES = ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Serif CJK SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback")
QT_OWN_WIDGETS = frozenset({"QTipLabel", "QShapedPixmapWidget", "QComboBoxPrivateContainer"})
"""Top-level widgets that Qt keeps for itself once they were needed."""
SETTLE_S = 2.0
"""How long a thread that was told to end may take to do so."""
ASYNC_TIMEOUT_S = 30.0
_failed = pytest.StashKey[bool]()


# --- the application and its loop --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["citydeck-tests"]


@pytest.fixture(scope="session")
def qapp(qapp_args: list[str]) -> Generator[QApplication]:
    """The one QApplication of the run, with a font that has Chinese in it where the machine has one."""
    running = QApplication.instance()
    app = running if isinstance(running, QApplication) else QApplication(qapp_args)
    app.setQuitOnLastWindowClosed(False)
    here = set(QFontDatabase.families())
    family = next((name for name in CJK_FAMILIES if name in here), None)
    if family is not None:
        app.setFont(QFont(family, 10))
    yield app
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def loop(qapp: QApplication) -> Generator[asyncio.AbstractEventLoop]:
    """Qt's event loop as an asyncio loop, for one test. Tasks still pending at the end are a fault of the test, and are named."""
    bound = cast("asyncio.AbstractEventLoop", qasync.QEventLoop(qapp))
    asyncio.set_event_loop(bound)
    faults: list[str] = []
    bound.set_exception_handler(lambda _, context: faults.append(_fault(context)))
    yield bound
    pending = [task for task in asyncio.all_tasks(bound) if not task.done()]
    faults += sorted(f"task {task.get_name()!r} still pending: {task.get_coro()!r}" for task in pending)
    for task in pending:
        task.cancel()
    if pending:
        bound.run_until_complete(asyncio.wait(pending, timeout=SETTLE_S))
    bound.run_until_complete(bound.shutdown_asyncgens())
    bound.run_until_complete(bound.shutdown_default_executor())
    bound.close()
    asyncio.set_event_loop(None)
    assert not faults, "left behind: " + "; ".join(faults)


def _fault(context: dict[str, Any]) -> str:
    """What the loop's handler was told: a callback that raised, or a task that was lost while it was pending."""
    task = context.get("task") or context.get("future")
    name = f"task {task.get_name()!r}: " if isinstance(task, asyncio.Task) else ""
    return f"{name}{context.get('message')} {context.get('exception') or ''}".rstrip()


class Run(Protocol):
    def __call__(self, work: Coroutine[Any, Any, T], timeout: float = 10.0) -> T: ...


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop) -> Run:
    """run(coroutine, timeout=10): its result, computed on the Qt loop."""

    def run_on_loop(work: Coroutine[Any, Any, T], timeout: float = 10.0) -> T:
        return loop.run_until_complete(asyncio.wait_for(work, timeout))

    return run_on_loop


# --- conditions instead of sleeps --------------------------------------------------------------------------------------------


async def _condition(condition: Callable[[], object], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not true within {timeout} s: {_words(condition)}", pytrace=False)
        await asyncio.sleep(0.002)


def _words(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)


class Until(Protocol):
    def __call__(self, condition: Callable[[], object], timeout: float = 5.0) -> None: ...


class Soon(Protocol):
    async def __call__(self, condition: Callable[[], object], timeout: float = 5.0) -> None: ...


@pytest.fixture
def until(loop: asyncio.AbstractEventLoop) -> Until:
    """until(condition, timeout=5): run Qt and its tasks until the condition holds; fails with its words where it does not."""

    def wait_until(condition: Callable[[], object], timeout: float = 5.0) -> None:
        loop.run_until_complete(_condition(condition, timeout))

    return wait_until


@pytest.fixture
def soon() -> Soon:
    """await soon(condition, timeout=5): the same inside a coroutine, on whatever loop it runs; needs no Qt."""

    async def wait_soon(condition: Callable[[], object], timeout: float = 5.0) -> None:
        await _condition(condition, timeout)

    return wait_soon


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty folder for a desk's journal, settings and caches."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    work = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    limited = asyncio.wait_for(work, ASYNC_TIMEOUT_S)
    bound = pyfuncitem.funcargs.get("loop")
    if isinstance(bound, asyncio.AbstractEventLoop):
        bound.run_until_complete(limited)
    else:
        asyncio.run(_awaited(limited))
    return True


async def _awaited(work: Coroutine[Any, Any, object]) -> None:
    await work


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An async Qt test runs on the Qt loop whether or not it names it."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj) and _is_qt(item) and "loop" not in item.fixturenames:
            item.fixturenames.append("loop")


# --- nothing is left behind --------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Generator[None]:
    """Fails a test that passed, but left something behind. A test that failed holds its own frame, so nothing is said of it."""
    node = cast("pytest.Item", request.node)
    qt = _is_qt(node)
    if qt:
        request.getfixturevalue("qapp")
    threads = set(threading.enumerate())
    widgets = _widgets() if qt else {}
    timers = _timers() if qt else {}
    files = _open_files()
    yield
    collect_due()
    if node.stash.get(_failed, False):
        return
    if qt:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def left() -> list[str]:
        found = _new_threads(threads) + _new_files(files)
        return found + _new(widgets, _widgets(), "widget") + _new(timers, _timers(), "timer") if qt else found

    if not left():
        return
    gc.collect()  # what a reference cycle held is not a leak, but its destructors must have run before we judge
    if qt:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    deadline = time.monotonic() + SETTLE_S
    for thread in set(threading.enumerate()) - threads:
        if not isinstance(thread, threading._DummyThread):
            thread.join(max(0.0, deadline - time.monotonic()))
    faults = left()
    assert not faults, "left behind: " + "; ".join(faults)


def _is_qt(item: pytest.Item) -> bool:
    return bool(QT_FIXTURES.intersection(getattr(item, "fixturenames", ())))


def _widgets() -> dict[int, str]:
    top = (widget for widget in QApplication.topLevelWidgets() if isValid(widget))
    return {id(w): f"{type(w).__name__} {w.objectName()!r} {w.windowTitle()!r}" for w in top if w.metaObject().className() not in QT_OWN_WIDGETS}


def _timers() -> dict[int, str]:
    found: dict[int, str] = {}
    for thing in gc.get_objects():
        if issubclass(type(thing), QTimer) and isValid(thing) and thing.isActive():
            parent = thing.parent()
            found[id(thing)] = f"every {thing.interval()} ms, " + (
                f"in {type(parent).__name__} {parent.objectName()!r}" if parent else "without a parent"
            )
    return found


def _open_files() -> dict[str, str]:
    found: dict[str, str] = {}
    for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():  # noqa: PTH208, PTH112 - runs twice a test: no Path objects
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
        except OSError:
            continue  # the descriptor of the listing itself
    return found


def _new(before: dict[int, str], now: dict[int, str], kind: str) -> list[str]:
    return [f"{kind} {words}" for key, words in now.items() if key not in before]


def _new_threads(before: set[threading.Thread]) -> list[str]:
    return [f"thread {thread.name!r}" for thread in threading.enumerate() if thread not in before and _runs(thread)]


def _runs(thread: threading.Thread) -> bool:
    """Whether it still exists. Python before 3.13 keeps what it saw of another library's thread (Qt's executor) after that has ended."""
    tasks = Path("/proc/self/task")
    return not isinstance(thread, threading._DummyThread) or not tasks.is_dir() or (tasks / str(thread.native_id)).exists()


def _new_files(before: dict[str, str]) -> list[str]:
    """Sockets, pipes, devices and libraries are opened by Qt, pytest and imports as they please; what counts is growth of sockets and
    pipes together, and any single file of the test's own."""
    now = _open_files()
    before_kinds = [words for words in before.values() if words.startswith(("socket:", "pipe:"))]
    opened = {number: words for number, words in now.items() if before.get(number) != words}
    sockets = [words for words in opened.values() if words.startswith(("socket:", "pipe:"))]
    kept = [words for words in before_kinds if words in now.values()]
    found = [f"open file {words}" for words in opened.values() if words.startswith("/") and not words.startswith(("/dev", "/proc", "/usr", "/memfd"))]
    if len(kept) + len(sockets) > len(before_kinds):
        found += [f"open {words}" for words in sockets]
    return found
