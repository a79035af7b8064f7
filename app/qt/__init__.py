"""The bridge between the Qt-free deck and its panels: frames, panels, models, dialogs, tasks, words."""
