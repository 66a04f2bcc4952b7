"""The schema of the store, version by version. A file here is never changed once it was released."""
