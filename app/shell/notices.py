"""What the deck has to tell the person: one calm line above the panels, never in the way. Also the line that says a link is broken."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from app.domain.errors import DeckError
from app.domain.text import N_
from app.qt.words import Words
from widgets.severity import draw_severity
from widgets.theme import Theme
from widgets.tokens import mixed
from widgets.tooltip import as_text

_INFO_MS = 6_000
_MOST = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell. `severity` 0: for information, goes by itself."""

    text: str
    severity: int = 0


def notice_of(words: Words, error: DeckError) -> Notice:
    """An error in the operator's words: what happened, where, and what to do."""
    parts = [words.t(error.what), words.detail(error.where), words.t(error.remedy) if error.remedy else ""]
    return Notice(" · ".join(p for p in parts if p), 3)


class NoticeLine(QWidget):
    """A symbol and a sentence on a ground that is a little of the severity's colour; elided where it does not fit, whole in the tooltip."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._notice = Notice("")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.restyle)
        self.restyle()

    def show_notice(self, notice: Notice) -> None:
        """Say this; an empty text hides the line."""
        if notice == self._notice:
            return
        self._notice = notice
        self.setAccessibleName(notice.text)
        self.setToolTip(as_text(notice.text))
        self.setVisible(bool(notice.text))
        self.update()

    @property
    def notice(self) -> Notice:
        """What it says."""
        return self._notice

    def restyle(self) -> None:
        """The theme or its scale changed."""
        self.setFixedHeight(self._theme.px(30))
        self.update()

    def room(self) -> int:
        """Pixels that the sentence may take, from the symbol on."""
        return self.width() - 2 * self._theme.px(16)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        painter = QPainter(self)
        severity = self._notice.severity
        colour = theme.severity(severity) if severity else t.select_edge
        painter.fillRect(self.rect(), mixed(colour, t.bar, 0.12))
        painter.fillRect(QRect(0, 0, px(3), self.height()), colour)
        x, room = px(16), self.room()
        if severity:
            side = px(16)
            draw_severity(painter, QRectF(x, (self.height() - side) / 2, side, side), severity, theme)
            x += side + px(8)
            room -= side + px(8)
        painter.setFont(theme.font(14))
        painter.setPen(t.ink)
        metrics: QFontMetrics = theme.metrics(14)
        said = metrics.elidedText(self._notice.text, Qt.TextElideMode.ElideRight, max(0, room))
        painter.drawText(QRect(x, 0, max(0, room) + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, said)
        painter.end()


class NoticeBar(NoticeLine):
    """Notices one after the other. Information goes by itself after a while; an error stays until somebody has taken it away."""

    def __init__(self, theme: Theme, words: Words) -> None:
        self._words = words
        self._waiting: deque[Notice] = deque(maxlen=_MOST)
        self._dismiss = QToolButton()
        super().__init__(theme)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, theme.px(8), 0)
        row.addStretch(1)
        row.addWidget(self._dismiss)
        self._dismiss.setProperty("kind", "flat")
        self._dismiss.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._dismiss.clicked.connect(self.dismiss)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_INFO_MS)
        self._timer.timeout.connect(self.dismiss)
        self.hide()

    def tell(self, told: DeckError | Notice | str) -> None:
        """Queue an error, or an information (already translated). The same thing is not queued twice."""
        notice = notice_of(self._words, told) if isinstance(told, DeckError) else told if isinstance(told, Notice) else Notice(told)
        if notice == self.notice or notice in self._waiting:
            return
        if self.notice.text and (self.notice.severity or not notice.severity):
            self._waiting.append(notice)
            self._relabel()
            return
        self._show(notice)

    @property
    def waiting(self) -> tuple[Notice, ...]:
        """What comes next."""
        return tuple(self._waiting)

    def dismiss(self) -> None:
        """Take the present notice away and show the next, if any."""
        self._show(self._waiting.popleft() if self._waiting else Notice(""))

    def room(self) -> int:
        return super().room() - self._dismiss.sizeHint().width()

    def _show(self, notice: Notice) -> None:
        self._timer.stop()
        self.show_notice(notice)
        self._relabel()
        if notice.text and not notice.severity:
            self._timer.start()

    def _relabel(self) -> None:
        more = len(self._waiting)
        said = self._words.t(N_("Dismiss ({n} more)"), n=more) if more else self._words.t(N_("Dismiss"))
        self._dismiss.setText(said)
        self.update()
