"""Reads and checks a city pack: everything that knows a city knows it from here. Files only; no Qt, no network, and no city in the code."""

from app.citypack.fault import PackFault
from app.citypack.pack import CityPack, find_cities, load_city

__all__ = ["CityPack", "PackFault", "find_cities", "load_city"]
