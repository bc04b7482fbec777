"""Gates and epochs as a report shows them."""

from graphfuse.report import learned_weights


def test_gates_show_what_is_there_and_what_is_not():
    rows = learned_weights.gates({"gates": {"rna": {"modality": 0.83, "patients": -0.1}}})
    assert [gate and (gate["text"], gate["bar"]) for gate in rows[0]["gates"]] == [
        ("0.83", 83),
        ("−0.10", 10),
        None,
    ]
    wide = learned_weights.gates({"gates": {"rna": {"modality": 2.0}, "meth": {"modality": 0.5}}})
    assert [row["gates"][0]["bar"] for row in wide] == [100, 25]
    assert "no neural net was trained" in learned_weights.epochs({"epochs": 0})
    assert "ridge" not in learned_weights.epochs({"epochs": 0}, is_linear=False)
    assert learned_weights.epochs({}) == ""
