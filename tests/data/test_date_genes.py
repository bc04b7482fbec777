"""Genes made into dates: every spelling of a spreadsheet is found, intact symbols are not."""

import pytest

from graphfuse.data.genes.date_genes import in_words, turned_into_dates


@pytest.mark.parametrize(
    "name, gene",
    [
        ("7-Sep", "SEPTIN7"), ("07-Sep", "SEPTIN7"), ("Sep-07", "SEPTIN7"), ("Sep 7", "SEPTIN7"),
        ("7-Sept", "SEPTIN7"), ("7. Sep", "SEPTIN7"), ("07/Sep", "SEPTIN7"), ("7SEP", "SEPTIN7"),
        ("7-Sep-21", "SEPTIN7"), ("7-sep-2006", "SEPTIN7"), ("September 7, 2006", "SEPTIN7"),
        ("2006-09-07", "SEPTIN7"), ("2021-09-07 00:00:00", "SEPTIN7"), ("2006/09/07", "SEPTIN7"),
        ("07.09.", "SEPTIN7"), ("07.09.2021", "SEPTIN7"), ("9/7", "SEPTIN7"),
        ("9/7/2021", "SEPTIN7"), ("09/07/21", "SEPTIN7"), ("9/7/2021 00:00", "SEPTIN7"),
        ("44446", "SEPTIN7"), ("44446.0", "SEPTIN7"), ("X44446", "SEPTIN7"),
        ("X7.Sep", "SEPTIN7"), ("7-Sep.1", "SEPTIN7"), ("X2021.09.07", "SEPTIN7"),
        ("MAR-05", "MARCHF5"), ("MAR-5", "MARCHF5"), ("5-Mrz", "MARCHF5"), ("5. März", "MARCHF5"),
        ("5-ma\N{COMBINING DIAERESIS}rz", "MARCHF5"), ("05-mars", "MARCHF5"),
        ("Mrz 05", "MARCHF5"), ("11-mrt", "MARCHF11"), ("7-set", "SEPTIN7"), ("1-dic", "DELEC1"),
        ("1-déc", "DELEC1"), ("1-Dec", "DELEC1"), ("01. Dez", "DELEC1"), ("4-Oct", "POU5F1"),
        ("Oct-04", "POU5F1"), ("15-Sep", "SELENOF"), ("2.31E+13", "clone"), ("3.1E+19", "clone"),
        ("X2.31E.13", "clone"), ("4E+12", "clone"),
    ],
)  # fmt: skip
def test_every_spelling_is_found_with_the_gene_it_may_have_been(name, gene):
    assert turned_into_dates(["TP53", name]) == [name]
    assert gene in in_words([name])


def test_intact_names_are_left_alone():
    intact = [
        "SEPT2", "SEPTIN2", "SEP15", "MARCH1", "MARCHF1", "MARC2", "DEC1", "OCT4", "OCT-4",
        "APR-1", "SEPT-2", "MARCH-1", "MARS1", "MARS-1", "SET", "SET-2", "JUN", "NOV", "AGO2",
        "MAI-1", "HLA-DRB1", "C1orf112", "RP11-34P13.7", "AC012345.1", "7SK", "5S", "1-8D", "7-60",
        "5-8F", "2E10", "1E5", "2310009E13Rik", "ENSG00000141510.17", "Y_RNA", "LOC100130426",
        "A1BG|1", "12", "7157", "10001", "99-Sep", "32-Mar", "13/13/2021", "hsa-mir-21",
    ]  # fmt: skip
    assert turned_into_dates(intact) == []


def test_ids_that_are_numbers_are_no_serial_numbers_of_days():
    entrez = [str(number) for number in range(43880, 43900)]
    assert turned_into_dates(entrez) == []
    assert turned_into_dates(["TP53", "EGFR", "MYC", "KRAS", "PTEN", "43892"]) == ["43892"]
    assert turned_into_dates(["TP53", "43980"]) == []  # 29 May: no gene was named so


def test_words_give_every_possibility_and_no_guess():
    assert in_words(["1-Mar"]) == "1-Mar: MARCHF1 (formerly MARCH1) or MTARC1 (formerly MARC1)"
    assert "SEPTIN3" in in_words(["3/9/2021"]) and "MARCHF9" in in_words(["3/9/2021"])
    assert in_words(["5-Jun"]) == "5-Jun: no gene that we know of"
    assert in_words([f"{day}-Sep" for day in range(1, 6)]).endswith("and 2 more")
