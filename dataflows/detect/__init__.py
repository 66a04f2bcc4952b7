"""Detection as a process: what it reads, the Bytewax flow, and what it writes; live (`live`) and over files (`flow`)."""
