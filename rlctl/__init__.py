"""Train, evaluate, render and carry robot policies from one command line."""

__version__ = "0.1.0"
