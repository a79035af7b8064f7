"""A city that lives in a process of its own and speaks our protocol: the embedded default, the test double, the drill master, the load generator."""

from datasources.demo.options import PlatformOptions
from datasources.demo.run import run_platform, serve

__all__ = ["PlatformOptions", "run_platform", "serve"]
