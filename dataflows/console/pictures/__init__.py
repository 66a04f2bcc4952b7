"""Pictures as server-side SVG: pure functions from plain data to text, the same bytes for the same data, readable without colour.

Reading order: `tags` (SVG as text), `shapes` (marks); of an order's timeline `order_story` (what it shows), `axis`, `placing`, `timeline`.
"""
