"""Finds the panels by walking the folder panels/: adding one touches nothing else."""

from __future__ import annotations

import importlib
import pkgutil

import panels
from app.domain.errors import DeckError
from app.qt.panel import PanelSpec


def find_panels() -> list[PanelSpec]:
    """Every panel's declaration, by id. Raises DeckError where two claim one id, or a module declares none."""
    found: dict[str, PanelSpec] = {}
    for module in pkgutil.iter_modules(panels.__path__):
        declared = getattr(importlib.import_module(f"panels.{module.name}"), "PANEL", None)
        if not isinstance(declared, PanelSpec):
            raise DeckError("it declares no PANEL", where=f"panels/{module.name}.py", remedy="declare one PanelSpec named PANEL")
        if declared.id in found:
            raise DeckError(f"the id {declared.id!r} is taken", where=f"panels/{module.name}.py", remedy="choose another id")
        found[declared.id] = declared
    return [found[i] for i in sorted(found)]
