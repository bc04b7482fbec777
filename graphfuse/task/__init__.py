"""What is to be predicted, and all that depends on its kind: classes, numbers, times to an event.

How to add a kind of outcome
----------------------------
Write one module here, such as `count.py`, with one class that names its `kind`: by being there it
is registered (`registry`), and manifests, commands and reports know it. A kind that is only read,
shown and held against clusters derives from `kind.Kind`, as `survival.py` does; one of which models
are trained, from `task.Task`, as `classes.py` and `number.py` do. Both are abstract: Python refuses
to make one that lacks a method, by the method's name, and each method's docstring says what it
gets, in which shapes, and what it must give.

A `Kind` must say how it is read (`lacking`, `columns_read`, `read`), told (`counted`, `in_words`,
`shown`), cut into a few categories (`categories`), and changed for leak checks (`altered`).

A `Task` must say besides

- what it is called and scored by: `metrics` (a `metric.MetricSet`), `baseline`, `baseline_meaning`;
- who trains: `example`, `strata`, `require`, `lacks_spread`, `untrained`, `relevance`;
- how linear models learn it: `width`, `coded`, `intercepts`, `residual`, `loss`, `mean_loss`;
- how nets do: `net_loss`, `calibrated_loss`;
- how trees do: `forest`, `boosting`, `trees_output`, `out_of_bag`, `staged_output`, `trees_loss`;
- what is predicted: `output`, `null_output`, `valid`, `called`, `table`, `read_table`;
- how it is explained (`attributed.Attributed`): `attribution_words`, `directions`,
  `patient_weights`, `contrast`;
- how the outcome of another cohort is met (`external.External`): `null_on_record`;
- how it is saved: `state`, `restored`.

Everything else has a default: labels given as an array (`labels.FromLabels`), audits and pictures
(`audited.Audited`), the words of messages and reports (`wording`). Where a model is learned in
units of its training patients, `fitted` gives the task that has them.

Of a kind that is like another, only what differs is written; this is all of a module for numbers
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

`tests/task/count.py` is a whole kind written from nothing, a count, and
`tests/task/test_new_kind.py` trains, predicts, ranks and reports it.
"""
