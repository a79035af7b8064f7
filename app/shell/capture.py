"""Draws a running desk into files: the whole window, each panel by itself, and what the desk says of itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QWidget

from app.domain.errors import DeckError
from app.domain.ids import Millis
from app.qt.panel import Panel
from app.shell.docking import DockArea
from app.shell.report import Meter, PanelLine, write_state

_FRAMES_S = 0.15
"""Long enough for a panel that has just come to the front to get its frame."""


async def capture(folder: Path, window: QWidget, docks: DockArea, meter: Meter, now: Millis) -> None:
    """Write window.png, panel-<id>.png for each panel of the desk, and state.json into `folder`. Raises DeckError where it cannot."""
    _make(folder)
    settle()
    _save(window, folder / "window.png")
    state = meter.state(now, [])  # before the pictures, which cost frames of their own
    lines: list[PanelLine] = []
    for panel_id in docks.ids:
        if not docks.is_open(panel_id):
            continue
        docks.show_panel(panel_id)
        await asyncio.sleep(_FRAMES_S)
        panel = docks.panel(panel_id)
        if panel is None:
            continue
        file = f"panel-{panel_id}.png"
        _save(panel, folder / file)
        lines.append(PanelLine(panel_id, file, isinstance(panel, Panel) and panel.live))
    write_state(folder / "state.json", msgspec.structs.replace(state, panels=lines))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise DeckError("the folder cannot be made", where=str(folder), remedy=str(fault.strerror)) from fault


def settle() -> None:
    """Let layouts and paints that were asked for happen now."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest)


def _save(widget: QWidget, path: Path) -> None:
    if not widget.grab().save(str(path)):
        raise DeckError("the picture cannot be written", where=str(path), remedy="make room, or choose another folder")
