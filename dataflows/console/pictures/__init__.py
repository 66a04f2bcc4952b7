"""Pictures as server-side SVG: pure functions from plain data, the same bytes for the same data, readable without colour.

Reading order: of an order's timeline `tags` (SVG as text), `shapes` (its marks), `order_story` (what it shows), `axis`, `placing`,
`timeline`; of counts `svg` (SVG as markup), `marks` (series, their colours and patterns), `axes`, then one module for each picture.
"""
