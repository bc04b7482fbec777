"""Whether held-out patients influence what is fitted: instruments, and cohorts without signal."""
