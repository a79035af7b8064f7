"""One dock panel a file, found by walking this folder. A panel takes stores and actions and arranges widgets: no networking, no SQL."""
