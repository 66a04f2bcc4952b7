"""The graphs: where sources, the heart and sinks are put together.

Reading order: `core` (the pure heart), then the graphs and the command line (`cli`), which are its only callers.
"""
