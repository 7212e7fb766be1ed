DROP TABLE print_sizes;
