"""The console: web pages on the case store, where people see what needs them and decide. See README.md.

Reading order: `routes`, `access`, `visit`, `app`, then a module of `views`.
"""
