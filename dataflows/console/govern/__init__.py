"""How the installation is governed: policies tried and activated, rejects mended, people invited.

Reading order: `tables`, `opening` (what the views stand on), `in_force`, `drafts`, `trials` (back-tests as processes), `trial` (such a
process), `findings` (what one found), `activating`; `records`, `masking`, `mending`; `invitations`, `entries`.
"""
