"""A folder of CSV files becomes a data set."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from covey.telemetry import CsvFolder, FeatureRule
from covey.telemetry.csv_folder import device_files

WriteFolder = Callable[[Mapping[str, str | bytes]], Path]


def test_devices_come_in_the_order_of_their_ids_with_their_rows_together(
    write_folder: WriteFolder, good_file: str
) -> None:
    dataset = CsvFolder().load(write_folder({"Zeta_Cam.csv.gz": good_file, "Alpha 2.csv.gz": good_file}))
    assert dataset.device_ids == ("alpha-2", "zeta-cam")
    assert dataset.feature_names == ("a", "b")
    assert dataset.x.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]] * 2
    assert dataset.x.dtype == np.float32
    assert dataset.x.flags.c_contiguous
    assert dataset.first_row.tolist() == [0, 4, 8]
    assert dataset.label.tolist() == [0, 1, 0, 1] * 2
    assert dataset.train_rows(1).tolist() == [4, 5]
    assert dataset.test_rows(1).tolist() == [6, 7]
    assert dataset.first_row.tolist() == [0, 4, 8]
    assert [dataset.attack_names[code] for code in dataset.attack[:2]] == ["benign", "scan"]


def test_plain_csv_files_are_read_where_there_are_no_packed_ones(write_folder: WriteFolder, good_file: str) -> None:
    folder = write_folder({"a.csv": good_file})
    assert CsvFolder().load(folder).device_ids == ("a",)


def test_plain_csv_files_beside_packed_ones_are_no_devices(write_folder: WriteFolder, good_file: str) -> None:
    folder = write_folder({"a.csv.gz": good_file, "COUNTS.csv": "device,rows\na,4\n"})
    assert list(device_files(folder)) == ["a"]


def test_columns_may_stand_in_another_order_on_another_device(write_folder: WriteFolder, good_file: str) -> None:
    other = "b,a,label,attack,split\n20,10,0,benign,train\n40,30,1,scan,test\n"
    dataset = CsvFolder().load(write_folder({"a.csv": good_file, "b.csv": other}))
    assert dataset.x[4:].tolist() == [[10, 20], [30, 40]]


def test_features_are_chosen_by_patterns(write_folder: WriteFolder) -> None:
    text = "label,HH_jit_1,HH_1,H_1,draw\n0,1,2,3,iid\n0,1,2,3,iid\n1,4,5,6,iid\n"
    folder = write_folder({"a.csv": text})
    names = CsvFolder().load(folder, FeatureRule(exclude=("HH_jit_*", "draw"))).feature_names
    assert names == ("HH_1", "H_1")
    assert CsvFolder().load(folder, FeatureRule(include=("H*",), exclude=("HH_*",))).feature_names == ("H_1",)


def test_quoted_cells_empty_lines_crlf_and_a_byte_order_mark_are_understood(write_folder: WriteFolder) -> None:
    text = '\ufeffsplit,label,attack,a\r\ntrain,0,"benign",1\r\n\r\ntest,1,"port scan",2.5e3\r\n\r\n'
    dataset = CsvFolder().load(write_folder({"a.csv": text}))
    assert dataset.x.tolist() == [[1], [2500]]
    assert dataset.attack_names == ("benign", "port scan")


def test_the_careful_path_reads_the_same_numbers_as_the_quick_one(write_folder: WriteFolder) -> None:
    values = ["5.9e17", "-4.729372e-11", "0.1", "16777217", "3.4028234e38", "-0", "1e-45", " 7 "]
    rows = "".join(f"{index % 2},{value}\n" for index, value in enumerate(values))
    quick = CsvFolder().load(write_folder({"a.csv": "label,x\n" + rows})).x
    careful = CsvFolder().load(write_folder({"a.csv": "label,x\n\n" + rows})).x
    assert quick.tobytes() == careful.tobytes()


def test_without_attack_names_rows_are_benign_or_attack(write_folder: WriteFolder) -> None:
    dataset = CsvFolder().load(write_folder({"a.csv": "label,x\n0,1\n0,2\n1,3\n1,4\n"}))
    assert [dataset.attack_names[code] for code in dataset.attack] == ["benign", "benign", "attack", "attack"]


def test_without_a_split_seven_in_ten_rows_of_each_kind_are_for_training(write_folder: WriteFolder) -> None:
    rows = "".join(
        f"{int(kind != 'benign')},{kind},{row}\n" for row in range(100) for kind in ("benign", "scan", "flood")
    )
    dataset = CsvFolder().load(write_folder({"a.csv": "label,attack,x\n" + rows}))
    for code in range(3):
        assert dataset.is_train[dataset.attack == code].sum() == 70
    again = CsvFolder().load(write_folder({"a.csv": "label,attack,x\n" + rows}))
    assert (again.is_train == dataset.is_train).all()
    assert dataset.is_train[:70].sum() < 70  # a hash chooses, not the order of the rows


def test_the_digest_knows_every_value(write_folder: WriteFolder, good_file: str) -> None:
    first = CsvFolder().load(write_folder({"a.csv": good_file}))
    assert CsvFolder().load(write_folder({"a.csv": good_file})).digest() == first.digest()
    assert CsvFolder().load(write_folder({"a.csv": good_file.replace("7,8", "7,9")})).digest() != first.digest()
    assert CsvFolder().load(write_folder({"a.csv": good_file.replace("scan", "flood")})).digest() != first.digest()


def test_the_real_data_set_is_read_whole(nbaiot_folder: Path) -> None:
    dataset = CsvFolder().load(nbaiot_folder, FeatureRule(exclude=("draw", "HH_jit_*", "H_*")))
    assert dataset.x.shape == (79_490, 85)
    assert dataset.n_devices == 9
    assert dataset.device_ids[0] == "danmini-doorbell"
    assert int(dataset.is_train.sum()) == 55_648
    assert len(dataset.attack_names) == 11
    assert dataset.first_row[1] == 10_055  # COUNTS.csv: Danmini_Doorbell
