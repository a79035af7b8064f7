"""What makes the noise, by QtMultimedia. The one module that imports it: import it late, since it loads codecs and asks for a sound server.

A tone is a QSoundEffect of its own that lives as long as it sounds. One that is kept holds a stream open while it is silent, stays with the
device that was the default when it was made, and has crashed when that device went away (QTBUG-145704). It also needs no media
plugin, as QMediaPlayer does, and neither a thread of ours nor a feed of samples, as QAudioSink does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtMultimedia import QAudioDevice, QMediaDevices, QSoundEffect, QtAudio

from app.domain.text import N_

NO_DEVICE = N_("no sound device was found")


class QtPlayer(QObject):
    """See Player in app.shell.sounding. Qt's thread only."""

    def __init__(self, failed: Callable[[Path], None], changed: Callable[[], None], parent: QObject | None = None) -> None:
        """`failed(file)`: a file turned out to be no wave file that can be played. `changed()`: devices came or went, so `fault` may differ."""
        super().__init__(parent)
        self._failed = failed
        self._changed = changed
        self._effect: QSoundEffect | None = None
        self._file = Path()
        self._devices = QMediaDevices(self)
        self._devices.audioOutputsChanged.connect(self._on_devices)

    @property
    def fault(self) -> str:
        """Why nothing can be heard (a msgid); empty: it can."""
        return NO_DEVICE if self._device().isNull() else ""

    def play(self, file: Path, volume: float) -> None:
        """Begin `file` on the device that is the default now; what was still sounding ends. Returns at once."""
        self.stop()
        device = self._device()
        if device.isNull():
            return
        effect = QSoundEffect(device, self)
        self._effect, self._file = effect, file
        effect.setVolume(QtAudio.convertVolume(volume, QtAudio.VolumeScale.LogarithmicVolumeScale, QtAudio.VolumeScale.LinearVolumeScale))
        effect.statusChanged.connect(self._on_status)
        effect.playingChanged.connect(self._on_playing)
        effect.setSource(QUrl.fromLocalFile(str(file)))
        effect.play()

    def stop(self) -> None:
        """End what is sounding."""
        effect, self._effect = self._effect, None
        if effect is None:
            return
        effect.statusChanged.disconnect(self._on_status)
        effect.playingChanged.disconnect(self._on_playing)
        effect.stop()
        effect.deleteLater()

    @property
    def playing(self) -> bool:
        """Whether a tone is under way."""
        return self._effect is not None

    def close(self) -> None:
        """Nothing sounds any more."""
        self.stop()
        self._devices.audioOutputsChanged.disconnect(self._on_devices)
        self.deleteLater()

    def _device(self) -> QAudioDevice:
        return QMediaDevices.defaultAudioOutput()

    def _on_status(self) -> None:
        if self._effect is not None and self._effect.status() is QSoundEffect.Status.Error:
            file = self._file
            self.stop()
            self._failed(file)

    def _on_playing(self) -> None:
        if self._effect is not None and not self._effect.isPlaying():
            self.stop()

    def _on_devices(self) -> None:
        if self._effect is not None and self._device().isNull():
            self.stop()
        self._changed()
