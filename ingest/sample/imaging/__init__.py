"""The sample's images: DICOM zips, a BIDS dataset, ECGs, phenotypes derived from images."""
