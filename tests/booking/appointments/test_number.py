import random

from booking.appointments.number import ALPHABET, new_number, normal_number


def test_numbers_are_readable() -> None:
    number = new_number(random.Random(1).choice)
    assert len(number) == 7
    assert number[3] == "-"
    assert set(number) <= {*ALPHABET, "-"}
    assert not set("01258AEILOSUVZ") & set(ALPHABET)


def test_numbers_are_found_however_they_are_typed() -> None:
    assert normal_number(" k7f 3qm") == normal_number("K7F-3QM") == "K7F-3QM"
    assert normal_number("K7F-3Q0") is None
    assert normal_number("K7F") is None
