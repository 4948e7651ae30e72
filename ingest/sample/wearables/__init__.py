"""The study stride: exports of phones and wristbands of people whom ukdemo knows by another id."""
