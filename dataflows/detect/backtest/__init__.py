"""Two policies over the same recorded events: what would be said otherwise.

`seen` keeps what one of them says, `pairs` finds which exceptions of both are about the same thing, `report` counts the differences,
`lines` writes the lines that only one of them says.
"""
