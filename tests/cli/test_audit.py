"""audit from the shell."""

import pandas as pd


def test_a_clean_clinic_passes(clinic, call):
    done = call("audit", "clinic.toml", "--strict")
    assert done.exit_code == 0, done.output


def test_the_label_among_the_features_is_found(clinic, call):
    table = pd.read_csv("rna.csv", index_col=0)
    label = pd.read_csv("about.csv", index_col=0)["subtype"].reindex(table.index)
    table.assign(SPY=(label == label.iloc[0]).astype(float)).to_csv("rna.csv")
    done = call("audit", "clinic.toml", "-o", "findings.csv")
    assert done.exit_code == 0 and "SPY" in done.output
    assert "SPY" in set(pd.read_csv("findings.csv")["column"])
    assert call("audit", "clinic.toml", "--strict").exit_code == 2


def test_a_patient_on_both_sides_of_given_folds_is_found(clinic, call):
    for name in ("rna.csv", "meth.csv", "about.csv"):
        table = pd.read_csv(name, index_col=0)
        pd.concat([table, table.iloc[[0]].rename(index=lambda _: "P9999")]).to_csv(name)
    ids = pd.read_csv("rna.csv", index_col=0).index
    pd.DataFrame({"patient": ids, "fold": [0] * 30 + [1] * 31}).to_csv("folds.csv", index=False)
    done = call("audit", "clinic.toml", "--folds", "folds.csv", "--strict")
    assert done.exit_code == 2 and "P9999" not in done.output
