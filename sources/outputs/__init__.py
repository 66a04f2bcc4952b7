"""What the engine and those who decide have written, read again by what follows it: the store and the dispatcher. Read `reader`."""
