"""The shell: window, docking, seats and layouts, sign-in, palette, crash path. Only the shell joins the parts; nothing imports it but main.py."""
