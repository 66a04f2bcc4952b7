"""The command line, one module per command. It stands on top: nothing imports it."""
