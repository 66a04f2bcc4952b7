"""The pages: one module for each group of views, found by their `ROUTES`."""
