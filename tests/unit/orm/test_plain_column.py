import pyarrow as pa
import pytest

from synapse.orm.plain_column import PlainColumn


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("int64", pa.int64()),
        ("string", pa.string()),
        ("category", pa.dictionary(pa.int32(), pa.string())),
    ],
)
def test_types(kind: str, expected: pa.DataType) -> None:
    assert PlainColumn("a", kind).arrow_type() == expected


def test_values_have_the_type_of_the_column() -> None:
    rows = [{"a": "x", "b": 1}, {"a": "y", "b": None}, {"a": "x", "b": 3}]
    assert PlainColumn("b", "int64").read(rows) == pa.array([1, None, 3], pa.int64())
    array = PlainColumn("a", "category").read(rows)
    assert (array.type, array.to_pylist()) == (
        pa.dictionary(pa.int32(), pa.string()),
        ["x", "y", "x"],
    )
