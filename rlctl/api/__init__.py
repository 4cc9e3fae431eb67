"""The functions of the Python library; `import rlctl` offers them."""
