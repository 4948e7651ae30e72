"""FHIR R4 bulk exports of the sample's two hospitals, with a later delta."""
