"""Leaves out of a batch what a desk did not subscribe to. Pure; the sequence number stays, so an empty batch is sent too."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.domain.batch import Readings
from app.domain.ids import AreaCode, UnitId
from app.domain.unit import Unit
from datasources.protocol import TOPICS, BatchMessage


class Wish(msgspec.Struct, frozen=True):
    """What one desk subscribed to. Hashable: desks with the same wish share their frames. Empty `areas`: the whole city."""

    topics: frozenset[str] = frozenset(TOPICS)
    areas: frozenset[AreaCode] = frozenset()

    @property
    def everything(self) -> bool:
        """Whether nothing has to be left out."""
        return not self.areas and self.topics >= frozenset(TOPICS)


def narrow(batch: BatchMessage, wish: Wish, series_areas: tuple[AreaCode, ...], units: Mapping[UnitId, Unit]) -> BatchMessage:
    """The part of `batch` that `wish` asks for. The catalogue stays whole: readings count in it."""
    if wish.everything:
        return batch
    topics, areas = wish.topics, wish.areas

    def here(area: AreaCode) -> bool:
        return not areas or area in areas

    readings = batch.readings if "readings" in topics else None
    if readings is not None and areas:
        readings = _rows(readings, [row for row, series in enumerate(readings.series) if series_areas[series] in areas])
    with_units = "units" in topics
    return msgspec.structs.replace(
        batch,
        readings=readings,
        history=tuple(h for h in batch.history if here(series_areas[h.series])) if "history" in topics else (),
        alerts=tuple(a for a in batch.alerts if here(a.area)) if "alerts" in topics else (),
        cases=tuple(c for c in batch.cases if here(c.area)) if "cases" in topics else (),
        units=tuple(u for u in batch.units if here(u.area)) if with_units else (),
        fixes=tuple(f for f in batch.fixes if f.unit in units and here(units[f.unit].area)) if with_units else (),
        cameras=tuple(c for c in batch.cameras if here(c.area)) if "cameras" in topics else (),
        # A shelf that names no area may hide something of any.
        shelves=tuple(s for s in batch.shelves if s.scope.area is None or here(s.scope.area)) if "alerts" in topics else (),
    )


def _rows(readings: Readings, rows: list[int]) -> Readings | None:
    if not rows:
        return None
    return Readings(
        [readings.series[row] for row in rows],
        [readings.value[row] for row in rows],
        [readings.at[row] for row in rows],
        [readings.quality[row] for row in rows] if readings.quality else [],
    )
