"""Apple Health exports, with the defects that real ones have."""

from __future__ import annotations

from biobraid.core.home import Home
from tests.landing.bank import run
from tests.wearable.bank import (
    counts,
    declare,
    deliver,
    deliver_zip,
    export_xml,
    faults_of,
    identities,
    landed,
    record,
)

HEART, STEPS = "HKQuantityTypeIdentifierHeartRate", "HKQuantityTypeIdentifierStepCount"
# iOS 16's own: an element declared twice and a list that is never closed.
BROKEN_DTD = """<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 12 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation)*)>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)
<!ATTLIST Record type CDATA #REQUIRED
<!ELEMENT Record (MetadataEntry*)>
]>
"""


def test_the_broken_dtd_of_ios_16_and_control_characters_do_no_harm(home: Home) -> None:
    declare(home, "apple_health")
    body = record(
        HEART, "2021-03-01 07:00:05 +0100", value="61", unit="count/min", source="My\x0bApp"
    )
    body += record(
        HEART, "2021-03-01 07:00:10 +0100", value="62", unit="count/min", source="A&#11;B"
    )
    deliver(home, "p1/export.xml", export_xml(body, BROKEN_DTD))
    run(home)
    columns = "variable, value, unit, start_time::VARCHAR, start_offset_minutes, offset_source"
    assert landed(home, columns) == [
        (HEART, 61.0, "count/min", "2021-03-01 07:00:05", 60, "delivered"),
        (HEART, 62.0, "count/min", "2021-03-01 07:00:10", 60, "delivered"),
    ]
    assert counts(home)["warnings"] == {"control-characters-removed": 2}


def test_every_element_lands_or_is_counted(home: Home) -> None:
    declare(home, "apple_health")
    pressure = record("HKQuantityTypeIdentifierBloodPressureSystolic", "2021-03-01 08:00:00 +0000",
                      value="120", unit="mmHg")  # fmt: skip
    body = (
        ' <Me HKCharacteristicTypeIdentifierDateOfBirth="1965-07-31" '
        'HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexMale" '
        'HKCharacteristicTypeIdentifierBloodType="HKBloodTypeNotSet" '
        'HKCharacteristicTypeIdentifierFitzpatrickSkinType="HKFitzpatrickSkinTypeII"/>\n'
        + record(STEPS, "2021-03-01 07:00:00 +0000", "2021-03-01 07:05:00 +0000", "120", "count",
                 inner='<MetadataEntry key="HKWasUserEntered" value="1"/><MetadataEntry key="Anas key" value="x"/>')
        + record(STEPS, "2021-03-01 09:00:00 +0000", "2021-03-01 08:59:00 +0000", "1", "count")
        + record(STEPS, "2021-02-31 09:00:00 +0000", value="1", unit="count")
        + record(STEPS, "2021-03-01 09:30:00 +0000", value="many", unit="count")
        + record("HKCategoryTypeIdentifierSleepAnalysis", "2021-03-01 23:00:00 +0000",
                 "2021-03-02 06:30:00 +0000", "HKCategoryValueSleepAnalysisAsleepREM")
        + f'<Correlation type="HKCorrelationTypeIdentifierBloodPressure">{pressure}</Correlation>'
        + pressure
        + ' <Workout workoutActivityType="HKWorkoutActivityTypeRunning" totalDistance="3" '
        'startDate="2021-03-01 10:00:00 +0000" endDate="2021-03-01 10:30:00 +0000">'
        '<WorkoutEvent type="pause"/></Workout>'
        ' <ActivitySummary dateComponents="2021-03-01" activeEnergyBurned="400" '
        'activeEnergyBurnedGoal="500" activeEnergyBurnedUnit="kcal" appleStandHours="11"/>'
    )  # fmt: skip
    deliver(home, "p1/export.xml", export_xml(body))
    run(home)
    assert landed(home, "variable, code, value, duration_seconds") == [
        ("ActivitySummary.ActiveEnergyBurned", None, 400.0, 86_400.0),
        ("ActivitySummary.StandHours", None, 11.0, 86_400.0),
        ("HKCategoryTypeIdentifierSleepAnalysis", "HKCategoryValueSleepAnalysisAsleepREM", None, 27_000.0),
        ("HKQuantityTypeIdentifierBloodPressureSystolic", None, 120.0, 0.0),
        (STEPS, None, 120.0, 300.0),
        ("Workout", "HKWorkoutActivityTypeRunning", None, 1800.0),
    ]  # fmt: skip
    found = counts(home)
    assert found["rejects"] == {"end-before-start": 1, "invalid-date": 1, "not-a-number": 1}
    assert found["ignored"] == {
        "correlation": 1, "correlation-member": 1, "element:WorkoutEvent": 1, "export-date": 1,
        "goal": 1, "metadata:HKWasUserEntered": 1, "metadata:other": 1, "workout:totalDistance": 1,
    }  # fmt: skip
    # 8 records and summaries, Me, ExportDate, Correlation and its member
    assert (found["records_read"], found["records_landed"]) == (12, 6)
    assert ("birth_date", "1965-07-31") in identities(home)
    assert ("other", "HKFitzpatrickSkinTypeII") in identities(home)


def test_names_of_devices_become_tokens_and_models_stay(home: Home) -> None:
    declare(home, "apple_health")
    body = "".join(
        record(HEART, f"2021-03-01 07:00:0{i} +0000", value="60", unit="count/min", source=source, device=device)
        for i, (source, device) in enumerate([
            ("Ana&#8217;s Watch", "&lt;HKDevice, hardware:Watch6,2, software:7&gt;"),
            ("Ana&#8217;s Watch", "&lt;HKDevice, hardware:Watch6,2, software:7&gt;"),
            ("Bands of Ana", "&lt;HKDevice, hardware:Anas band&gt;"),
        ])
    )  # fmt: skip
    deliver(home, "p1/export.xml", export_xml(body))
    run(home)
    rows = landed(home, "device_type, device_id")
    assert [r[0] for r in rows] == ["Watch6,2", "Watch6,2", None]
    assert rows[0][1] == rows[1][1] != rows[2][1] and len(rows[2][1]) == 16
    text = b"".join(p.read_bytes() for p in home.landing.rglob("*.parquet"))
    assert b"Ana" not in text


def test_a_record_that_names_its_zone_stands_on_that_zones_clock(home: Home) -> None:
    """Apple writes all times in the zone of the phone at the export."""
    declare(home, "apple_health")
    body = record(HEART, "2021-03-01 02:00:00 +0000", value="60", unit="count/min",
                  inner='<MetadataEntry key="HKTimeZone" value="America/New_York"/>')  # fmt: skip
    body += record(HEART, "2022-06-01 02:00:00 +0000", value="60", unit="count/min")
    deliver(home, "p1/export.xml", export_xml(body))
    run(home)
    columns = "start_time::VARCHAR, start_offset_minutes, offset_source, time_flag"
    assert landed(home, columns) == [
        ("2021-02-28 21:00:00", -300, "record", None),
        ("2022-06-01 02:00:00", 0, "delivered", "after-export"),
    ]


def test_a_record_that_stands_twice_lands_once(home: Home) -> None:
    declare(home, "apple_health")
    one = record(HEART, "2021-03-01 07:00:05 +0000", value="61", unit="count/min")
    other = record(HEART, "2021-03-01 07:00:05 +0000", value="70", unit="count/min")
    deliver(home, "p1/export.xml", export_xml(one + one + other))
    run(home)
    assert landed(home, "value") == [(61.0,), (70.0,)]
    assert counts(home)["rejects"] == {"duplicate-key": 1}


def test_a_zip_counts_what_it_holds_beside_the_export(home: Home) -> None:
    declare(home, "apple_health", "*.zip")
    main = export_xml(record(HEART, "2021-03-01 07:00:05 +0000", value="61", unit="count/min"))
    folder = "apple_health_export"
    deliver_zip(home, "p7.zip", {
        f"{folder}/Exportación.xml": main,
        f"{folder}/export_cda.xml": "<ClinicalDocument/><ClinicalDocument/>" * 90,
        f"{folder}/electrocardiograms/ecg_2021-03-01.csv": "Name,Ana\n",
        f"{folder}/workout-routes/route.gpx": "<gpx/>",
    })  # fmt: skip
    run(home)
    assert landed(home, "value") == [(61.0,)]
    assert counts(home)["ignored"] == {
        "electrocardiogram": 1, "export-date": 1, "export_cda.xml": 1, "workout-route": 1,
    }  # fmt: skip
    assert identities(home) == {("native_id", "p7")}


def test_a_clinical_document_alone_is_ignored_by_rule(home: Home) -> None:
    declare(home, "apple_health")
    deliver(
        home, "p1/export_cda.xml", '<?xml version="1.0"?><ClinicalDocument/><ClinicalDocument/>'
    )
    run(home)
    assert counts(home)["ignored"] == {"export_cda.xml": 1} and landed(home, "value") == []


def test_xml_cut_in_the_middle_lands_nothing(home: Home) -> None:
    declare(home, "apple_health")
    whole = export_xml("".join(
        record(HEART, f"2021-03-01 07:{i // 60:02d}:{i % 60:02d} +0000", value="61", unit="count/min")
        for i in range(3000)
    ))  # fmt: skip
    deliver(home, "p1/export.xml", whole[: len(whole) // 2])
    (fault,) = faults_of(home)
    assert "the XML is broken" in fault.found and "line" in fault.where
    deliver(home, "p1/export.xml", whole)
    run(home)
    assert len(landed(home, "value")) == 3000


def test_other_xml_and_a_torn_zip_are_refused(home: Home) -> None:
    declare(home, "apple_health")
    deliver(home, "p1/export.xml", "<gpx><trk/></gpx>")
    path = deliver_zip(home, "p2/export.zip", {"a/export.xml": export_xml("") + " " * 9999})
    path.write_bytes(path.read_bytes()[:-30])
    found = sorted(f.found for f in faults_of(home))
    assert found == ["the XML is not an Apple Health export", "the zip is damaged or cut off"]
