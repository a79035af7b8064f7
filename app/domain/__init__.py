"""What people in the room talk about. Plain Python: no Qt, no I/O, no clock of its own; everything here is a frozen value or a pure function."""
