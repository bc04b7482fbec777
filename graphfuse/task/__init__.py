"""Kinds of outcome, and all that depends on the kind: classes, numbers, times to an event.

How to add a kind of outcome
----------------------------
Write one module here, such as `count.py`, with one class that names its `kind`. Being in this
folder registers it (`registry`): manifests, commands and reports then know the kind. A kind that is
only read, shown and compared with clusters derives from `kind.Kind`, as `survival.py` does; one of
which models are trained derives from `task.Task`, as `classes.py` and `number.py` do. Both are
abstract: Python names the method that a class lacks, and the method's docstring says what it takes
and returns, with shapes.

A `Kind` must define how it is read (`lacking`, `columns_read`, `read`), described (`counted`,
`in_words`, `shown`), cut into a few categories (`categories`), and altered for leak checks
(`altered`).

A `Task` must also define

- its metrics and its baseline: `metrics` (a `metric.MetricSet`), `baseline`, `baseline_meaning`;
- who trains (`task`): `example`, `strata`, `require`, `lacks_spread`, `untrained`, `relevance`;
- how linear models learn it (`linear_interface`): `width`, `coded`, `intercepts`, `residual`,
  `loss`, `mean_loss`;
- how nets learn it (`net_interface`): `net_loss`, `calibrated_loss`;
- how trees learn it (`tree_interface`): `forest`, `boosting`, `trees_output`, `out_of_bag`,
  `staged_output`, `trees_loss`;
- what is predicted (`prediction_interface`): `output`, `null_output`, `valid`, `called`, `table`,
  `read_table`;
- how it is explained (`ranking_interface`): `attribution_words`, `directions`, `patient_weights`,
  `contrast`;
- how it is scored on another cohort (`external_interface`): `null_on_record`;
- how it is saved: `state`, `restored`.

All else has a default: labels given as an array (`label_arrays`), audits and pictures
(`audit_interface`), the words of messages and reports (`wording`). Where models learn in units of
their training patients, `fitted` returns the task that has these units.

For a kind that is like another, only what differs is written. This is a whole module, for numbers
that cannot be below 0 or above 1::

    from dataclasses import dataclass, replace

    import numpy as np

    from graphfuse.task.number import Number


    @dataclass(frozen=True)
    class Share(Number):
        kind = "share"
        metrics = replace(Number.metrics, kind="share")

        def output(self, predictor, calibration=1.0):
            return np.clip(super().output(predictor, calibration), 0, 1)

`tests/task/count.py` is a kind written from nothing, a count, and `tests/task/test_new_kind.py`
trains, predicts, ranks and reports it.
"""
