"""The linear models of a fold: ridge regressions on sums of kernels, cross-fitted inside its
training patients.

A fold is a value (`fold.PreparedFold`); what is fitted on it is made when somebody asks for it, by
keys that say all it depends on (`memo`), in any order.
"""
