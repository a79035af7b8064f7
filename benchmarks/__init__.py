"""Figures on the real program. They are measured, printed and kept; no test fails over them, since a busy machine is not a bug."""
