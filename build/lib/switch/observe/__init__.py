"""What people see of a running switch: hop log, histograms, live view."""
