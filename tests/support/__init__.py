"""What several tests share: builders and hand-written stubs, never mocks."""
