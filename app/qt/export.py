"""What a panel shows, as a file for other programs: asked for, written and noted in the same way everywhere."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.errors import DeckError
from app.domain.text import N_
from app.qt.dialogs import choose_file
from app.qt.panel import Panel


async def export_csv(panel: Panel, text: Callable[[], str], *, preset: str, comment: str) -> None:
    """Ask for a file, write `text` (CSV, asked for once the file is known) and note the export with `comment`. Raises DeckError where the
    file cannot be written."""
    t = panel.t
    path = await choose_file(panel, t(N_("Export CSV")), ["CSV (*.csv)"], save=True, preset=preset)
    if path is None:
        return
    try:
        # With a mark at the beginning, or a spreadsheet takes Chinese for something else; line ends are the table's own.
        path.write_text(text(), encoding="utf-8-sig", newline="")
    except OSError as fault:
        raise DeckError(t(N_("The file could not be written.")), where=str(path), remedy=str(fault.strerror)) from fault
    await panel.context.actions.note("export", path.name, comment=comment)
