"""Functions of the Python library, exported by `import rlctl`."""
