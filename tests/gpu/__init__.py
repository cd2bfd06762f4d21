"""What only a GPU can tell, in one command: `make gpu`. Runs on the CPU too, to test itself."""
