"""Running jobs: the supervised workers and the engines on top of them."""
