"""The case store: what the engine has said, as tables that people, reports and the console query. One schema for PostgreSQL and SQLite.

The tables are a projection of the topics: thrown away and read again they are the same (notes' texts and erasures apart, which stand
nowhere else). `tables` is the contract, `projection` says which record makes which rows, `writer` keeps them true.
"""
