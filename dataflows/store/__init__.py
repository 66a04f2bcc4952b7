"""The process that keeps the case store true: it reads the logs behind the engine, and writes their rows. See README.md."""
