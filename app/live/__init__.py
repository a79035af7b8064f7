"""The present: stores of the newest state, and what changed since the last frame. No Qt, no I/O, one thread (the event loop's)."""
