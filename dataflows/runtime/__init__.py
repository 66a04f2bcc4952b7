"""Bytewax and processes: the runner, the launcher of a cluster, the merge of partitions, checkpoints and the state directory."""
