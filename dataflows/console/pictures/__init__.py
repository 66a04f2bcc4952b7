"""Pictures as SVG, drawn on the server: pure functions of what they show, the same for the same, readable without colour.

A mark that leads somewhere is a link with a name. Colours come from the page's style sheet by class; patterns tell series apart.
Reading order: `svg`, `marks`, `axes`, then one module for each picture.
"""
