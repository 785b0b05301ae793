"""One run and many: the journal, the workers, the sweep and the launch."""
