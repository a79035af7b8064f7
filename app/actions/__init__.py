"""What an operator can do. Each action goes one way: authorise → journal → apply → outbox.

It may not know of Qt, of panels or of any one source: it sees the present through `Ledger`, and links through what the shell hands it.
"""
