"""Thinking about what the stores hold: judging numbers, watching the alarm rate, recommending units. No Qt, no I/O."""
