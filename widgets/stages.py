"""The links of a case in one line: which are done and when, which is due and how long it has, which are to come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from widgets.theme import Theme
from widgets.tooltip import as_text

StageState = Literal["done", "now", "later"]
Stage = tuple[str, str, StageState, str]
"""Name, time in words (or the clock that is running), state, and a note for the tooltip."""


class StageBar(QWidget):
    """A progress line over the stages' names and times. It shows states as they are told and runs no clock."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._stages: list[Stage] = []
        self._late = 0
        theme.changed.connect(self._relayout)

    def set_stages(self, stages: Sequence[Stage], *, late: int = 0) -> None:
        """Replace all. `late` is the severity whose colour the running clock takes when it is over or nearly so; 0 for none."""
        if list(stages) == self._stages and late == self._late:
            return
        self._stages = list(stages)
        self._late = late
        self.setAccessibleDescription(" · ".join(f"{name} {when}".strip() for name, when, state, _ in self._stages if state != "later"))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(560), self._theme.px(52))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(320), self._theme.px(52))

    def stage_rect(self, index: int) -> QRect:
        count = max(1, len(self._stages))
        left, right = round(self.width() * index / count), round(self.width() * (index + 1) / count)
        return QRect(left, 0, right - left, self.height())

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        painter = QPainter(self)
        thick = px(3)
        painter.fillRect(QRect(0, 0, self.width(), thick), t.edge)
        done = sum(1 for stage in self._stages if stage[2] == "done")
        if done:
            painter.fillRect(QRect(0, 0, self.stage_rect(done - 1).right() + 1, thick), t.select_edge)
        for index, (name, when, state, _) in enumerate(self._stages):
            box = self.stage_rect(index)
            if state == "now":
                # The link that is due carries its own short line, so that where the case stands is also a shape.
                painter.fillRect(QRect(box.left(), 0, px(24), thick), t.select_edge if not self._late else theme.severity(self._late))
            painter.setFont(theme.font(14, bold=state == "now"))
            painter.setPen({"done": t.ink2, "now": t.ink, "later": t.ink3}[state])
            room = box.width() - px(4)
            words = theme.metrics(14, bold=state == "now").elidedText(name, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRect(box.left(), px(8), room, px(22)), Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, words)
            if when:
                painter.setFont(theme.font(12))
                painter.setPen(theme.severity(self._late) if state == "now" and self._late else t.ink2 if state == "now" else t.ink3)
                words = theme.metrics(12).elidedText(when, Qt.TextElideMode.ElideRight, room)
                painter.drawText(QRect(box.left(), px(30), room, px(18)), Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for index, (_, _, _, note) in enumerate(self._stages):
                if note and self.stage_rect(index).contains(event.pos()):
                    QToolTip.showText(event.globalPos(), as_text(note), self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)
