"""From tables to trained nets: linear starts, graphs fitted in a fold, and the bank of replicas."""
