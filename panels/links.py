"""Link and health: every connection of this desk, what came over it, what was refused and why, and how the desk itself is doing."""

from __future__ import annotations

import numpy as np
import psutil
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.domain.batch import LINK_STATE_WORDS, LinkReport, LinkState, Refusal
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.naming import source_name
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.rows import FACE_ROLE, RowModel
from widgets.rows import RowFace, RowList

_SEVERITY = {LinkState.LIVE: 0, LinkState.CONNECTING: 4, LinkState.STALLED: 3, LinkState.DOWN: 2, LinkState.REFUSED: 2}


class LinksPanel(Panel):
    """A row a link, a row a gauge of the desk, a row a refused record."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._faces: list[RowFace] = []
        self.model = RowModel(self._face, self._say, self)
        self.list = RowList(self.theme, FACE_ROLE)
        self.list.setObjectName("links.list")
        self.list.setAccessibleName(self.t(N_("Link and health")))
        self.list.setModel(self.model)
        column.addWidget(self.list, 1)
        self._process = psutil.Process()
        return content

    def refresh(self, change: ChangeSet) -> None:
        if not change.topics & (Topic.SECOND | Topic.LINK):
            return
        links = list(self.hub.links.values())
        refusals = sorted((r for link in links for r in link.refusals), key=lambda r: -r.at)
        faces = [self._link_face(link) for link in links] + self._desk_faces() + [self._refusal_face(r) for r in refusals[:20]]
        changed = [n for n, face in enumerate(faces) if n >= len(self._faces) or face != self._faces[n]]
        self._faces = faces
        self.model.show(np.arange(len(faces), dtype=np.int64), changed)
        live = sum(link.state is LinkState.LIVE for link in links)
        self.head(self.t(N_("{n} of {all} links live"), n=live, all=len(links)), self.t(N_("{n} refused"), n=sum(link.refused for link in links)))

    @property
    def live(self) -> bool:
        return bool(self.hub.links)

    def _face(self, key: int) -> RowFace:
        return self._faces[key] if key < len(self._faces) else RowFace("")

    def _say(self, key: int) -> str:
        face = self._face(key)
        return f"{face.title}, {face.note}, {face.right}, {face.right_note}"

    def _link_face(self, link: LinkReport) -> RowFace:
        now = self.context.now()
        words = self.words
        facts = [link.address]
        if link.simulated:
            facts.append(self.t(N_("simulated")))
        if link.detail:
            facts.append(words.detail(link.detail))
        counts = self.t(
            N_("{records} records · {gaps} gaps · {resyncs} resyncs · {refused} refused"),
            records=words.number(link.records),
            gaps=link.gaps,
            resyncs=link.resyncs,
            refused=link.refused,
        )
        delay = f" · {link.delay_ms:.0f} ms" if link.delay_ms is not None else ""
        return RowFace(
            title=f"{source_name(words, link.name)} · {counts}",
            note=" · ".join(facts),
            right=self.t(LINK_STATE_WORDS[link.state]) + delay,
            right_note=self.t(N_("last record {ago}"), ago=words.ago(link.last_record_at, now))
            if link.last_record_at
            else self.t(N_("no record yet")),
            severity=_SEVERITY[link.state],
        )

    def _desk_faces(self) -> list[RowFace]:
        words, gauges, series = self.words, self.context.frames.gauges, self.hub.series
        stale = int(np.count_nonzero(series.stale(self.context.now())))
        return [
            RowFace(
                title=self.t(N_("Arrival to pixel")),
                note=self.t(
                    N_("half of all records within {p50} ms, 99 of 100 within {p99} ms"),
                    p50=f"{gauges.latency_percentile(50):.0f}",
                    p99=f"{gauges.latency_percentile(99):.0f}",
                ),
                right=f"{gauges.frame_percentile(99):.1f} ms",
                right_note=self.t(N_("frame, 99 of 100")),
            ),
            RowFace(
                title=self.t(N_("Series")),
                note=self.t(
                    N_("{n} of {all} have reported · {stale} out of date"),
                    n=words.number(series.reported),
                    all=words.number(len(series)),
                    stale=words.number(stale),
                ),
                right=words.number(series.conflated),
                right_note=self.t(N_("values overtaken by newer ones")),
            ),
            RowFace(
                title=self.t(N_("This desk")),
                note=self.t(N_("longest pause of the event loop {ms} ms"), ms=f"{gauges.gap_ms_max:.0f}"),
                right=f"{self._process.memory_info().rss / 1e6:.0f} MB",
                right_note=self.t(N_("memory")),
            ),
        ]

    def _refusal_face(self, refusal: Refusal) -> RowFace:
        return RowFace(
            title=self.t(N_("Refused: {reason}"), reason=self.words.detail(refusal.reason)),
            note=refusal.sample,
            right=self.words.clock(refusal.at),
            severity=4,
        )


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return LinksPanel(spec, context)


PANEL = PanelSpec(id="links", title=N_("Link and health"), icon="link", needs=Topic.LINK | Topic.SECOND, create=create)
