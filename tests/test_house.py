"""The rules of the house that no linter knows, checked on the files themselves. Each failure names the file and the line."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import string
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.pofile import read_po
from importlinter.cli import lint_imports

HOUSE = Path(__file__).resolve().parents[1]
PRODUCT = ("app", "datasources", "panels", "widgets", "main.py")
NOT_OURS = frozenset({".git", ".venv", ".make", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"})
MADE = frozenset({HOUSE / "out", HOUSE / "data"})
ZH_CATALOGUE = HOUSE / "resources" / "translations" / "zh_CN" / "LC_MESSAGES" / "citydeck.po"

INDEX = re.compile(
    "|".join(
        (
            "py" + r"pi\.",
            "python" + "hosted",
            "--(extra-)?index" + "-url",
            "--find" + "-links",
            "/simple" + r"\b",
            "registry" + r"\.npm",
            "ana" + r"conda\.",
        )
    ),
    re.MULTILINE,
)
MACHINE_PATH = re.compile(r"(?<![\w.~$}])/(work|root|home/\w+|Users/\w+)" + r"/")
NESTED_LOOPS = frozenset({"exec", "exec_", "processEvents"})
DIALOG_STATICS = {
    "QMessageBox": {"question", "warning", "information", "critical", "about"},
    "QInputDialog": {"getText", "getItem", "getInt", "getDouble", "getMultiLineText"},
    "QFileDialog": {"getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"},
    "QColorDialog": {"getColor"},
    "QFontDialog": {"getFont"},
}
EMPTY_NAMES = re.compile(r"(Manager|Helper|Helpers|Util|Utils|Data)$")


# --- what is looked at ---------------------------------------------------------------------------------------------------------


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the house."""
    found: list[Path] = []
    for folder, below, names in os.walk(HOUSE):
        below[:] = sorted(name for name in below if name not in NOT_OURS and Path(folder, name) not in MADE)
        found += [Path(folder, name) for name in sorted(names) if not name.endswith(".pyc")]
    return tuple(found)


@cache
def text_of(file: Path) -> str:
    """A file's text; empty where it is none."""
    raw = file.read_bytes()
    return "" if b"\0" in raw[:8192] else raw.decode("utf-8", errors="replace")


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(text_of(file), str(file))


def modules(*roots: str) -> list[Path]:
    """Python files below these folders (or these files themselves)."""
    wanted = {HOUSE / root for root in roots}
    return [file for file in files() if file.suffix == ".py" and (file in wanted or wanted.intersection(file.parents))]


def where(file: Path, line: int) -> str:
    return f"{file.relative_to(HOUSE).as_posix()}:{line}"


def matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{where(file, text_of(file).count(chr(10), 0, hit.start()) + 1)} {hit.group()!r}"
        for file in files()
        if file != Path(__file__)
        for hit in pattern.finditer(text_of(file))
    ]


def nodes(*roots: str) -> Iterator[tuple[Path, ast.AST]]:
    for file in modules(*roots):
        for node in ast.walk(tree_of(file)):
            yield file, node


@cache
def from_packaging(name: str) -> ModuleType:
    """A script of packaging/, which is no package on purpose."""
    spec = importlib.util.spec_from_file_location(f"citydeck_packaging_{name}", HOUSE / "packaging" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# --- files ---------------------------------------------------------------------------------------------------------------------


def test_no_file_names_a_package_index() -> None:
    assert matches(INDEX) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert matches(MACHINE_PATH) == []


def test_packaging_is_no_package() -> None:
    """Else it would shadow the module `packaging` that pytest needs."""
    assert not (HOUSE / "packaging" / "__init__.py").exists()


def test_shell_scripts_can_be_started() -> None:
    scripts = [file for file in files() if text_of(file).startswith("#!")]
    assert scripts
    assert [where(script, 1) for script in scripts if not os.access(script, os.X_OK)] == []


def test_every_make_target_is_in_the_documents() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", text_of(HOUSE / "Makefile"), re.MULTILINE)
    assert {"run", "test", "check", "bench", "soak", "lock", "translations", "help"} <= set(targets)
    documents = " ".join(text_of(file) for file in files() if file.suffix == ".md")
    assert [target for target in targets if not re.search(rf"make {target}\b(?!-)", documents)] == []


# --- what is installed -----------------------------------------------------------------------------------------------------------


def pins(lock: str) -> dict[str, set[str]]:
    """Package → versions that the lock allows (several where markers choose)."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text_of(HOUSE / "requirements" / lock), re.MULTILINE):
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(version)
    return found


def test_tests_run_on_the_very_versions_that_are_run() -> None:
    run, dev = pins("run.txt"), pins("dev.txt")
    assert run
    assert {name: (versions, dev.get(name)) for name, versions in run.items() if dev.get(name) != versions} == {}


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_every_locked_version_has_a_hash(lock: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", text_of(HOUSE / "requirements" / lock).strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("wish", ["run", "dev"])
def test_everything_asked_for_is_locked(wish: str) -> None:
    asked = re.findall(r"^([A-Za-z][A-Za-z0-9._-]*)", text_of(HOUSE / "requirements" / f"{wish}.in"), re.MULTILINE)
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in asked} - pins(f"{wish}.txt").keys() == set()


# --- code ------------------------------------------------------------------------------------------------------------------------


def test_every_module_says_why_it_exists() -> None:
    silent = [where(file, 1) for file in modules(*PRODUCT, "tests", "benchmarks", "packaging") if not ast.get_docstring(tree_of(file))]
    assert silent == []


def test_no_nested_event_loop() -> None:
    """exec() of a dialog or menu, processEvents() and the dialogs' static functions strand whatever coroutine waits outside them."""
    found: list[str] = []
    for file, node in nodes(*PRODUCT, "tests"):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, node.func.value
            owner_name = owner.id if isinstance(owner, ast.Name) else ""
            if name in NESTED_LOOPS or name in DIALOG_STATICS.get(owner_name, ()):
                found.append(f"{where(file, node.lineno)} {ast.unparse(node.func)}()")
    assert found == []


def test_nobody_sleeps() -> None:
    """A thread waits for an event, a test for a condition."""
    found: list[str] = []
    for file, node in nodes(*PRODUCT, "tests"):
        if isinstance(node, ast.ImportFrom) and node.module == "time" and any(alias.name == "sleep" for alias in node.names):
            found.append(f"{where(file, node.lineno)} from time import sleep")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "qtbot.wait", "QTest.qWait", "QTest.qSleep", "QThread.msleep"}:
            found.append(f"{where(file, node.lineno)} {ast.unparse(node.func)}()")
    assert found == []


def test_names_say_something() -> None:
    classes = ((file, node) for file, node in nodes(*PRODUCT) if isinstance(node, ast.ClassDef))
    assert [f"{where(file, node.lineno)} {node.name}" for file, node in classes if EMPTY_NAMES.search(node.name)] == []


def test_every_part_of_the_app_has_its_layer() -> None:
    config = tomllib.loads(text_of(HOUSE / "pyproject.toml"))
    contract = next(c for c in config["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    named = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    parts = {f"app.{folder.name}" for folder in (HOUSE / "app").iterdir() if (folder / "__init__.py").exists()}
    assert parts - named == set()


def test_imports_run_one_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(HOUSE)
    code = lint_imports(no_cache=True, config_filename="pyproject.toml")
    said = capsys.readouterr().out
    assert code == 0, said
    assert "0 broken" in said


# --- words -----------------------------------------------------------------------------------------------------------------------

translated = pytest.mark.skipif(not ZH_CATALOGUE.exists(), reason="there is no Chinese catalogue yet")


def fields(phrase: str) -> set[str]:
    """Names of the {fields} in a phrase."""
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name is not None}


@translated
def test_every_phrase_has_its_chinese() -> None:
    with ZH_CATALOGUE.open("rb") as stream:
        catalogue = read_po(stream, locale="zh_CN")
    said = {str(message.id): str(message.string) for message in catalogue if message.id and message.string and not message.fuzzy}
    assert [phrase for phrase in from_packaging("translations").phrases() if phrase not in said] == []
    assert {phrase: chinese for phrase, chinese in said.items() if fields(phrase) != fields(chinese)} == {}


@translated
def test_the_compiled_catalogue_is_the_written_one() -> None:
    with ZH_CATALOGUE.open("rb") as stream:
        expected = from_packaging("translations").compiled(read_po(stream, locale="zh_CN"))
    assert ZH_CATALOGUE.with_suffix(".mo").read_bytes() == expected, "call make translations"


# --- what the system has to have -------------------------------------------------------------------------------------------------


def test_every_library_that_qt_names_has_its_package() -> None:
    """Else a bare machine would be told of a library, and not what to install."""
    system = from_packaging("system")
    packages = Path(importlib.util.find_spec("PySide6").origin).parents[1]  # pyright: ignore[reportOptionalMemberAccess, reportArgumentType]
    linked = system.linked(packages, system.ALWAYS + system.ON_A_SCREEN)
    assert "libxcb-cursor.so.0" in linked
    assert named_by_qt(packages, system.ALWAYS + system.ON_A_SCREEN) - system.PACKAGE_OF.keys() - OF_LIBC == set()


OF_LIBC = frozenset({"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2", "libgcc_s.so.1"})


def named_by_qt(packages: Path, globs: tuple[str, ...]) -> set[str]:
    """System libraries that Qt's own files name themselves, those of their own Qt libraries included (the loader's names in the file's text)."""
    waiting = [file for pattern in globs for file in packages.glob(pattern)]
    seen: set[Path] = set()
    found: set[str] = set()
    while waiting:
        file = waiting.pop().resolve()
        if file in seen:
            continue
        seen.add(file)
        for soname in needed_by(file):
            own = [
                place / soname
                for place in (packages / "PySide6" / "Qt" / "lib", packages / "PySide6", packages / "shiboken6")
                if (place / soname).exists()
            ]
            if own:
                waiting += own
            elif not soname.startswith(("libQt6", "ld-linux")):
                found.add(soname)
    return found


def needed_by(library: Path) -> list[str]:
    """DT_NEEDED of a 64-bit little-endian ELF file."""
    raw = library.read_bytes()
    assert raw[:6] == b"\x7fELF\x02\x01", f"{library} is no 64-bit little-endian ELF file"
    headers, size, count = (int.from_bytes(raw[a:b], "little") for a, b in ((40, 48), (58, 60), (60, 62)))
    for header in (raw[headers + i * size : headers + (i + 1) * size] for i in range(count)):
        if int.from_bytes(header[4:8], "little") == 6:  # the dynamic section; its link names the section of its strings
            start, length = int.from_bytes(header[24:32], "little"), int.from_bytes(header[32:40], "little")
            names = headers + int.from_bytes(header[40:44], "little") * size
            strings = int.from_bytes(raw[names + 24 : names + 32], "little")
            entries = (raw[at : at + 16] for at in range(start, start + length, 16))
            offsets = [strings + int.from_bytes(entry[8:], "little") for entry in entries if int.from_bytes(entry[:8], "little") == 1]
            return [raw[at : raw.index(b"\0", at)].decode() for at in offsets]
    return []
