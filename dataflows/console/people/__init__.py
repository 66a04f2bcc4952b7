"""Who may enter: people, their passwords and roles, sessions, log-ins.

Reading order: `tables`, `directory`, `sessions`, `attempts`, `oidc`.
"""
