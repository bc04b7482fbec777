"""What a training would take: time, memory, disk."""
