"""Makes the deck's four tones, so that what lies in resources/sounds can be made again and changed on purpose, and owes nobody anything.

The patterns follow IEC 60601-1-8: the more urgent, the more pulses and the quicker; five at severity 1 (three and two), three at severity 2, two
at severity 3, one soft pulse at severity 4. Each pulse is a fundamental below 1 kHz with harmonics, because a pure tone is hard to
find in a room, and it rises and falls slowly enough not to startle. Always the same samples: nothing is random, nothing asks for the time.

    sounds.py [folder]      write the four files there (resources/sounds where none is named)
"""

from __future__ import annotations

import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 44_100
HARMONICS = (1.0, 0.55, 0.35, 0.22, 0.12)
"""Strength of the fundamental and of what lies above it."""
PEAK = 0.7
"""Of full scale: what is louder than a desk needs is made so by its volume."""
TAIL_S = 0.02
"""Silence at the end, so that no player cuts the last fall."""

G4, A4, C5, D5, E5, A5 = 392.00, 440.00, 523.25, 587.33, 659.26, 880.00


@dataclass(frozen=True)
class Tone:
    """One severity's melody: (seconds from the start, pitch in Hz) a pulse, all of one length and loudness."""

    pulses: tuple[tuple[float, float], ...]
    length_s: float
    rise_s: float
    fall_s: float
    level: float = 1.0


TONES: dict[int, Tone] = {
    1: Tone(((0.0, A4), (0.16, A4), (0.32, A4), (0.60, E5), (0.76, A5)), length_s=0.13, rise_s=0.02, fall_s=0.05),
    2: Tone(((0.0, E5), (0.26, C5), (0.52, A4)), length_s=0.20, rise_s=0.03, fall_s=0.09, level=0.85),
    3: Tone(((0.0, G4), (0.30, D5)), length_s=0.24, rise_s=0.04, fall_s=0.14, level=0.65),
    4: Tone(((0.0, G4),), length_s=0.34, rise_s=0.05, fall_s=0.25, level=0.45),
}


def samples(tone: Tone) -> NDArray[np.int16]:
    """The melody as 16-bit samples."""
    length = tone.pulses[-1][0] + tone.length_s + TAIL_S
    mixed = np.zeros(round(length * RATE))
    for start, pitch in tone.pulses:
        pulse = _pulse(tone, pitch)
        first = round(start * RATE)
        mixed[first : first + len(pulse)] += pulse
    scaled: NDArray[np.float64] = np.rint(mixed * (PEAK * tone.level * 32_767 / float(np.abs(mixed).max())))
    return scaled.astype(np.int16)


def _pulse(tone: Tone, pitch: float) -> NDArray[np.float64]:
    time = np.arange(round(tone.length_s * RATE)) / RATE
    wave_form = np.zeros_like(time)
    for number, strength in enumerate(HARMONICS, start=1):
        wave_form += strength * np.sin(2 * np.pi * pitch * number * time)
    # A raised cosine at both ends: a straight ramp has corners, and corners click.
    rise = np.clip(time / tone.rise_s, 0.0, 1.0)
    fall = np.clip((tone.length_s - time) / tone.fall_s, 0.0, 1.0)
    return wave_form * (0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall))


def write(folder: Path) -> list[Path]:
    """Write severity-1.wav … severity-4.wav: mono, 16 bit, 44.1 kHz."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for severity, tone in TONES.items():
        file = folder / f"severity-{severity}.wav"
        with wave.open(str(file), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(samples(tone).astype("<i2").tobytes())
        written.append(file)
    return written


def main() -> int:
    """The command line."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "resources" / "sounds"
    for file in write(folder):
        print(f"{file.name}  {file.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
