"""Things to look at and touch that know nothing of a city: painted with QPainter from what they are given.

Nothing here may import the rest of the deck; every string arrives already in the operator's language.
"""
