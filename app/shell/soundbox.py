"""What a person sees of the desk's sound: a chip in the bar that says at all times whether it is muted, until when and why, and a dialog that
says how each severity sounds. Both only ask app.shell.sounding; neither decides when a tone is due.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from app.domain.severity import SEVERITY_WORDS, Severity
from app.domain.text import N_
from app.qt.dialogs import choose_file
from app.qt.words import Words
from app.services.ringing import MUTES_MIN, SoundSettings, ToneSetting
from app.shell.barparts import BarItem
from app.shell.sounding import Sounding, SoundState, check_file
from app.shell.status import Part, Said
from widgets.severity import severity_pixmap
from widgets.theme import Theme
from widgets.tooltip import as_text

REPEATS_S = (0, 5, 10, 20, 30, 60, 120, 300, 600)
_LONGEST_REASON = 24
"""Characters of a mute's reason in the bar; the whole is in the tooltip."""

Start = Callable[[Coroutine[object, object, object], str], object]
AskReason = Callable[[str, str, bool], Awaitable[str | None]]


def sound_said(words: Words, state: SoundState) -> Said:
    """The chip in words. A mute shows what is left of it, by the second, and why."""
    t = words.t
    if state.kind == "muted" and state.mute is not None:
        reason = state.mute.reason.replace("\n", " ")
        short = reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"
        explains = t(
            N_("{who} muted the sound until {until}: {reason}. {n} alerts that would sound do not."),
            who=state.mute.by,
            until=words.clock(state.mute.until),
            reason=reason,
            n=words.number(state.unheard),
        )
        left = Part(t(N_("Muted, {left} left"), left=words.stopwatch(state.left_ms)), "3", bold=True)
        return Said((left, Part(f" · {short}")), 3, explains)
    if state.kind == "fault":
        return Said((Part(t(N_("No sound")), "3", bold=True),), 3, t(N_("This desk cannot sound: {why}."), why=words.detail(state.fault)))
    if state.kind == "off":
        return Said((Part(t(N_("Sound off")), "4"),), 4, t(N_("Every tone of this desk is switched off in its settings.")))
    return Said((Part(t(N_("Sound on")), "quiet"),), 0, t(N_("A tone sounds until somebody has taken note of every alert.")))


class SoundChip(BarItem):
    """The chip. A click asks for the dialog."""

    def __init__(self, theme: Theme, words: Words, sounding: Sounding) -> None:
        super().__init__(theme, reachable=True)
        self._words = words
        self._sounding = sounding
        sounding.changed.connect(self.follow)
        self.follow()

    def follow(self) -> None:
        """Bring it up to date."""
        self.say(sound_said(self._words, self._sounding.state))

    def teardown(self) -> None:
        """The window goes, the sound stays."""
        self._sounding.changed.disconnect(self.follow)


class _ToneLine:
    """The widgets of one severity."""

    def __init__(self, box: SoundDialog, grid: QGridLayout, row: int, severity: Severity) -> None:
        words, theme = box.words, box.theme
        name = words.t(SEVERITY_WORDS[severity])
        self.severity = severity
        self._words = words
        self.file = ""
        sign = QLabel()
        sign.setPixmap(severity_pixmap(int(severity), theme.px(16), theme, box.devicePixelRatioF()))
        self.on = QCheckBox(name)
        self.volume = volume_slider(theme, words.t(N_("Volume of {severity}"), severity=name))
        self.repeat = QComboBox()
        self.repeat.setAccessibleName(words.t(N_("Repetition of {severity}"), severity=name))
        for seconds in REPEATS_S:
            said = words.t(N_("every {span}"), span=words.span(seconds * 1_000)) if seconds else words.t(N_("once"))
            self.repeat.addItem(said, seconds)
        self.own = QPushButton()
        self.own.clicked.connect(partial(box.choose, self))
        self.test = QPushButton(words.t(N_("Test")))
        self.test.setAccessibleName(words.t(N_("Test the tone of {severity}"), severity=name))
        self.test.clicked.connect(partial(box.test, self))
        for column, widget in enumerate((sign, self.on, self.volume, self.repeat, self.own, self.test)):
            grid.addWidget(widget, row, column)

    def show_setting(self, setting: ToneSetting) -> None:
        """Put `setting` into the widgets."""
        self.on.setChecked(setting.on)
        self.volume.setValue(round(setting.volume * 100))
        # What is kept need not be among those that are offered.
        place = self.repeat.findData(setting.repeat_s)
        if place < 0:
            self.repeat.addItem(self._words.t(N_("every {span}"), span=self._words.span(setting.repeat_s * 1_000)), setting.repeat_s)
            place = self.repeat.count() - 1
        self.repeat.setCurrentIndex(place)
        self.show_file(setting.file)

    def show_file(self, file: str) -> None:
        """Name the file; empty: the deck's own tone."""
        self.file = file
        name = Path(file).name if file else self._words.t(N_("The deck's tone"))
        self.own.setText(name if len(name) <= 20 else name[:19] + "…")
        self.own.setToolTip(as_text(file or self._words.t(N_("Choose a wave file of a few seconds."))))

    def setting(self) -> ToneSetting:
        """What the widgets say."""
        return ToneSetting(on=self.on.isChecked(), file=self.file, volume=self.volume.value() / 100, repeat_s=int(self.repeat.currentData()))


def volume_slider(theme: Theme, name: str) -> QSlider:
    """0…100, as it is heard."""
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setPageStep(10)
    slider.setMinimumSize(QSize(theme.px(110), theme.px(20)))
    slider.setAccessibleName(name)
    return slider


class SoundDialog(QDialog):
    """Mute, and how each severity sounds. Open it with `open` or `show`; nothing is kept before "Save"."""

    def __init__(
        self, parent: QWidget, words: Words, theme: Theme, sounding: Sounding, *, start: Start, ask: AskReason, who: Callable[[], str]
    ) -> None:
        """`start(coroutine, name)`: as Tasks.start. `ask(title, prompt, required)`: for the reason. `who()`: the name of whoever sits here."""
        super().__init__(parent)
        self.words = words
        self.theme = theme
        self._sounding = sounding
        self._start = start
        self._ask = ask
        self._who = who
        self.setObjectName("sound")
        self.setWindowTitle(words.t(N_("Sound")))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        edge = theme.px(16)
        column.setContentsMargins(edge, edge, edge, edge)
        column.setSpacing(theme.px(12))
        self.said = _plain_label()
        self.said.setProperty("role", "title")
        self.explains = _plain_label()
        column.addWidget(self.said)
        column.addWidget(self.explains)
        column.addWidget(self._weighed())
        column.addLayout(self._mutes())
        column.addWidget(_rule())
        column.addLayout(self._tones())
        column.addLayout(self._buttons())
        sounding.changed.connect(self.follow)
        self.finished.connect(self._leave)
        self.follow()

    def follow(self) -> None:
        """The state is another, or a second has passed."""
        said = sound_said(self.words, self._sounding.state)
        self.said.setText(said.parts[0].text)
        self.explains.setText(said.explains)
        self.unmute.setEnabled(self._sounding.state.kind == "muted")

    def settings(self) -> SoundSettings:
        """What the dialog says."""
        one, two, three, four = (line.setting() for line in self.lines)
        return SoundSettings(tones=(one, two, three, four), master=self.master.value() / 100)

    def test(self, line: _ToneLine) -> None:
        """Hear one severity as it is set here."""
        self._start(self._test(int(line.severity)), "test a tone")

    def choose(self, line: _ToneLine) -> None:
        """Take a file of one's own for one severity, or the deck's tone again."""
        if line.file:
            line.show_file("")
        else:
            self._start(self._choose(line), "choose a tone")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # The device may have come since; and whoever looks at the sound wants to know whether there is any.
        self._sounding.ready()

    # --- inside ------------------------------------------------------------------------------------------------------------------

    def _weighed(self) -> QLabel:
        """What a mute would not let be heard, worst first."""
        counts = self._sounding.of_a_day()
        named = (f"{self.words.t(SEVERITY_WORDS[s])} {self.words.number(counts[s])}" for s in Severity)
        label = _plain_label()
        label.setProperty("role", "hint")
        label.setText(self.words.t(N_("Alerts of the last 24 hours: {counts}"), counts=" · ".join(named)))
        return label

    def _mutes(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.addWidget(QLabel(self.words.t(N_("Mute for"))))
        self.mutes: dict[int, QPushButton] = {}
        for minutes in MUTES_MIN:
            button = QPushButton(self.words.t("{n} min", n=minutes))
            button.setAutoDefault(False)
            button.clicked.connect(partial(self._begin_mute, minutes))
            line.addWidget(button)
            self.mutes[minutes] = button
        self.unmute = QPushButton(self.words.t(N_("End the mute")))
        self.unmute.setAutoDefault(False)
        self.unmute.clicked.connect(lambda: self._start(self._sounding.unmute(), "end the mute"))
        line.addWidget(self.unmute)
        line.addStretch(1)
        return line

    def _tones(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(self.theme.px(12))
        grid.setVerticalSpacing(self.theme.px(8))
        settings = self._sounding.settings
        self.lines = [_ToneLine(self, grid, int(severity), severity) for severity in Severity]
        for line in self.lines:
            line.show_setting(settings.of(line.severity))
        self.master = volume_slider(self.theme, self.words.t(N_("Volume of everything")))
        self.master.setValue(round(settings.master * 100))
        grid.addWidget(QLabel(self.words.t(N_("Everything"))), len(self.lines) + 1, 1)
        grid.addWidget(self.master, len(self.lines) + 1, 2)
        return grid

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.save = QPushButton(self.words.t(N_("Save")))
        self.save.setProperty("kind", "main")
        self.save.setDefault(True)
        self.save.clicked.connect(lambda: self._start(self._save(), "save the sound"))
        cancel = QPushButton(self.words.t(N_("Cancel  Esc")))
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        line.addWidget(self.save)
        line.addWidget(cancel)
        line.addStretch(1)
        return line

    def _begin_mute(self, minutes: int) -> None:
        self._start(self._mute(minutes), "mute")

    async def _mute(self, minutes: int) -> None:
        reason = await self._ask(self.words.t(N_("Mute for {n} min"), n=minutes), self.words.t(N_("Why should nothing be heard?")), True)
        if reason is not None:
            await self._sounding.mute(minutes, reason, self._who())

    async def _test(self, severity: int) -> None:
        self._sounding.test(severity, self.settings())

    async def _choose(self, line: _ToneLine) -> None:
        file = await choose_file(self, self.words.t(N_("Tone")), [self.words.t(N_("Wave files (*.wav)"))])
        if file is not None:
            check_file(file)
            line.show_file(str(file))

    async def _save(self) -> None:
        await self._sounding.change(self.settings())
        self.accept()

    def _leave(self) -> None:
        self._sounding.changed.disconnect(self.follow)


def _plain_label() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _rule() -> QFrame:
    rule = QFrame()
    rule.setProperty("role", "rule")
    rule.setFixedHeight(1)
    return rule
