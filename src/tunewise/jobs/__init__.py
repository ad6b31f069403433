"""Work that takes long: queued durably, run in processes of its own, never twice, never lost."""
