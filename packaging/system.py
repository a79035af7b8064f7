"""Finds what Qt and the deck need from the system, and installs it where it may: shared libraries and a font with Chinese in it.

Standard library only, since it runs before anything is installed. It looks at what is there (ldd, fc-list), never at a list of distributions;
it changes the system only through apt-get, and only as root or by a sudo that asks nothing. Where it may not, it prints the exact line.

    system.py --venv .venv          look, install or say what is missing; exit 1 where the deck cannot start without it
    system.py --venv .venv --list   print every package that a bare machine needs, and change nothing
    system.py --packages NAME…      install these packages (prepare.sh: python3-venv), exit 1 with the line where that is not allowed
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PACKAGE_OF: dict[str, tuple[str, ...]] = {
    "libEGL.so.1": ("libegl1",),
    "libGL.so.1": ("libgl1",),
    "libX11-xcb.so.1": ("libx11-xcb1",),
    "libX11.so.6": ("libx11-6",),
    "libbrotlidec.so.1": ("libbrotli1",),
    "libdbus-1.so.3": ("libdbus-1-3",),
    "libfontconfig.so.1": ("libfontconfig1",),
    "libfreetype.so.6": ("libfreetype6",),
    "libglib-2.0.so.0": ("libglib2.0-0t64", "libglib2.0-0"),
    "libgthread-2.0.so.0": ("libglib2.0-0t64", "libglib2.0-0"),
    "libgio-2.0.so.0": ("libglib2.0-0t64", "libglib2.0-0"),
    "libgobject-2.0.so.0": ("libglib2.0-0t64", "libglib2.0-0"),
    "libgssapi_krb5.so.2": ("libgssapi-krb5-2",),
    "libstdc++.so.6": ("libstdc++6",),
    "libgcc_s.so.1": ("libgcc-s1",),
    "libpulse.so.0": ("libpulse0",),
    "libwayland-client.so.0": ("libwayland-client0",),
    "libwayland-cursor.so.0": ("libwayland-cursor0",),
    "libwayland-egl.so.1": ("libwayland-egl1",),
    "libxcb-cursor.so.0": ("libxcb-cursor0",),
    "libxcb-glx.so.0": ("libxcb-glx0",),
    "libxcb-icccm.so.4": ("libxcb-icccm4",),
    "libxcb-image.so.0": ("libxcb-image0",),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1",),
    "libxcb-randr.so.0": ("libxcb-randr0",),
    "libxcb-render-util.so.0": ("libxcb-render-util0",),
    "libxcb-render.so.0": ("libxcb-render0",),
    "libxcb-shape.so.0": ("libxcb-shape0",),
    "libxcb-shm.so.0": ("libxcb-shm0",),
    "libxcb-sync.so.1": ("libxcb-sync1",),
    "libxcb-util.so.1": ("libxcb-util1",),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0",),
    "libxcb-xkb.so.1": ("libxcb-xkb1",),
    "libxcb.so.1": ("libxcb1",),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0",),
    "libxkbcommon.so.0": ("libxkbcommon0",),
    "libz.so.1": ("zlib1g",),
    "libzstd.so.1": ("libzstd1",),
}
"""Shared library → Debian packages that hold it; the first that this machine's apt knows is taken (newer releases renamed some).
Only what Qt's own files name: what those libraries need in turn, apt brings."""
FONT_PACKAGES = ("fonts-noto-cjk",)
FONT_LIST_PACKAGE = "fontconfig"

ALWAYS = (
    "PySide6/QtCore.abi3.so",
    "PySide6/QtGui.abi3.so",
    "PySide6/QtWidgets.abi3.so",
    "PySide6/QtSvg.abi3.so",
    "PySide6/QtTest.abi3.so",
    "PySide6/Qt/plugins/platforms/libqoffscreen.so",
    "PySide6/Qt/plugins/iconengines/libqsvgicon.so",
    "PySide6/Qt/plugins/imageformats/libq[gijs]*.so",
    "PySide6QtAds/PySide6QtAds.so",
)
"""What the deck loads whether or not there is a screen (globs below site-packages)."""
ON_A_SCREEN = (
    "PySide6/Qt/plugins/platforms/libqxcb.so",
    "PySide6/Qt/plugins/platforms/libqwayland.so",
    "PySide6/Qt/plugins/xcbglintegrations/*.so",
    "PySide6/Qt/plugins/platforminputcontexts/libcompose*.so",
    "PySide6/Qt/plugins/platforminputcontexts/libibus*.so",
    "PySide6/Qt/plugins/wayland-shell-integration/libxdg-shell.so",
    "PySide6/Qt/plugins/wayland-decoration-client/*.so",
    "PySide6/Qt/plugins/wayland-graphics-integration-client/libqt-plugin-wayland-egl.so",
)
"""What it loads on X11 or Wayland. The virtual keyboard's plugin is left out: its own Qt libraries are not part of Essentials."""

FOR_SOUND = ("PySide6/QtMultimedia.abi3.so",)
"""What it loads to sound, after its first frame. Without it the desk is silent, says so, and works on. A tone needs no media plugin, so the
plugin's own libraries (codecs, video) are not asked for."""


@dataclass(frozen=True)
class Lack:
    """Something that is missing. `needed`: the deck cannot start as it is called now without it."""

    what: str
    packages: tuple[str, ...]
    needed: bool


def say(words: str) -> None:
    """Tell the person at the terminal."""
    print(f"citydeck: {words}", file=sys.stderr, flush=True)


def site_packages(venv: Path) -> Path:
    """The venv's folder of packages."""
    found = sorted(venv.glob("lib/python3.*/site-packages"))
    if not found:
        raise SystemExit(f"citydeck: {venv} holds no packages; remove it and call make again")
    return found[-1]


def linked(packages: Path, globs: tuple[str, ...]) -> dict[str, bool]:
    """Every system library that the files need, with whether the loader finds it. Libraries of Qt's own are not the system's business."""
    files = [str(file) for pattern in globs for file in sorted(packages.glob(pattern))]
    ldd = shutil.which("ldd")
    if ldd is None or not files:
        return {}
    told = subprocess.run([ldd, *files], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}).stdout
    found: dict[str, bool] = {}
    for line in told.splitlines():
        soname, arrow, where = line.strip().partition(" => ")
        if arrow and not soname.startswith(("libQt6", "libicu", "libpyside6", "libshiboken6")):
            found[soname] = found.get(soname, True) and "not found" not in where
    return found


def lacking_libraries(packages: Path, globs: tuple[str, ...], *, needed: bool) -> list[Lack]:
    """What the loader would not find."""
    return [Lack(soname, PACKAGE_OF.get(soname, ()), needed) for soname, there in sorted(linked(packages, globs).items()) if not there]


def lacking_font() -> list[Lack]:
    """A font with Chinese in it. Without one the deck runs, and shows boxes."""
    fc_list = shutil.which("fc-list")
    if fc_list is None:
        return [Lack("fc-list and a font with Chinese in it", (FONT_LIST_PACKAGE, *FONT_PACKAGES), False)]
    told = subprocess.run([fc_list, ":lang=zh", "family"], capture_output=True, text=True, check=False).stdout
    return [] if told.strip() else [Lack("a font with Chinese in it", FONT_PACKAGES, False)]


def lacks(venv: Path, *, screen: bool) -> list[Lack]:
    """Everything that is missing now."""
    packages = site_packages(venv)
    always = lacking_libraries(packages, ALWAYS, needed=True)
    known = {lack.what for lack in always}
    shown = [lack for lack in lacking_libraries(packages, ON_A_SCREEN, needed=screen) if lack.what not in known]
    known.update(lack.what for lack in shown)
    heard = [lack for lack in lacking_libraries(packages, FOR_SOUND, needed=False) if lack.what not in known]
    return always + shown + heard + lacking_font()


def known_to_apt(names: set[str]) -> set[str]:
    """Those of the names that apt could install."""
    apt_cache = shutil.which("apt-cache")
    if apt_cache is None or not names:
        return set()
    told = subprocess.run(
        [apt_cache, "policy", *sorted(names)], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    ).stdout
    known: set[str] = set()
    name = ""
    for line in told.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            name = line[:-1]
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            known.add(name)
    return known


def packages_for(missing: list[Lack]) -> list[str]:
    """Names for apt, sorted, each once. A library's names are alternatives (the last is taken where apt cannot say); a font's are all wanted."""
    alternatives = [lack.packages for lack in missing if lack.what.startswith("lib") and lack.packages]
    known = known_to_apt({name for names in alternatives if len(names) > 1 for name in names})
    chosen = {next((name for name in names if name in known), names[-1]) for names in alternatives}
    chosen.update(name for lack in missing if not lack.what.startswith("lib") for name in lack.packages)
    return sorted(chosen)


def installer() -> list[str] | None:
    """How apt-get may be called without asking anybody: as root, by a sudo without a password, or not at all (None)."""
    apt_get = shutil.which("apt-get")
    if apt_get is None:
        return None
    if os.geteuid() == 0:
        return [apt_get]
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n", "--preserve-env=DEBIAN_FRONTEND", apt_get]
    return None


def install(names: list[str]) -> bool:
    """Install the packages; False where that is not allowed or did not work (apt-get has then said why)."""
    command = installer()
    if command is None:
        return False
    say(f"installing with apt-get: {' '.join(names)}")
    quiet = ["-qq", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=2"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # An index that cannot be refreshed may still be good enough: whether the packages come is what counts.
    subprocess.run([*command, *quiet, "update"], env=environment, check=False, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        [*command, *quiet, "install", "--yes", "--no-install-recommends", *names], env=environment, check=False, stdout=subprocess.DEVNULL
    )
    return done.returncode == 0


def line_for(names: list[str]) -> str:
    """What a person has to type."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install --no-install-recommends {' '.join(names)}"


def tell(missing: list[Lack]) -> None:
    """Say what is missing, what for, and the line that brings it."""
    for lack in missing:
        say(f"missing: {lack.what}" + ("" if lack.needed else " (this run goes on without it)"))
    names = packages_for(missing)
    if not names:
        return
    if shutil.which("apt-get"):
        say("to install it, type:")
        print(f"    {line_for(names)}", file=sys.stderr)
    else:
        say(f"install what holds these with this system's own package tool; Debian calls it: {' '.join(names)}")


def mend(venv: Path, *, screen: bool) -> int:
    """Look, install, look again. Silent where nothing is missing. The answer is the exit code."""
    missing = lacks(venv, screen=screen)
    if not missing:
        return 0
    names = packages_for(missing)
    if names and install(names):
        missing = lacks(venv, screen=screen)
    if missing:
        tell(missing)
    return 1 if any(lack.needed for lack in missing) else 0


def bare(venv: Path) -> list[str]:
    """Every package that a machine with nothing but libc and Python needs, by this machine's apt names."""
    sonames = linked(site_packages(venv), ALWAYS + ON_A_SCREEN + FOR_SOUND)
    libraries = [Lack(soname, PACKAGE_OF[soname], needed=True) for soname in sonames if soname in PACKAGE_OF]
    return packages_for([*libraries, Lack("fonts", (FONT_LIST_PACKAGE, *FONT_PACKAGES), needed=True)])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Find and install what CityDeck needs from the system.")
    parser.add_argument("--venv", type=Path, help="the environment whose Qt is looked at")
    parser.add_argument("--list", action="store_true", help="print what a bare machine needs, and change nothing")
    parser.add_argument("--packages", nargs="+", default=[], help="install these packages instead")
    asked = parser.parse_args()
    if asked.packages:
        if install(asked.packages):
            return 0
        tell([Lack(name, (name,), needed=True) for name in asked.packages])
        return 1
    if asked.venv is None:
        parser.error("--venv or --packages is needed")
    if asked.list:
        print(" ".join(bare(asked.venv)))
        return 0
    return mend(asked.venv, screen=bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")))


if __name__ == "__main__":
    sys.exit(main())
