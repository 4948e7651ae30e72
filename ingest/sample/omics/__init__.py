"""The sample's omics: proteomics of ukdemo and gut microbiome of riverside."""
