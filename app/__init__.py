"""What the deck is, apart from where its data comes from. See docs/architecture.md for the layers and their one-way imports."""
