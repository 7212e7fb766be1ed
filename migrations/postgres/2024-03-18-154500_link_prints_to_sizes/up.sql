-- Nullable: a size that nobody can read stays as the customer wrote it.
ALTER TABLE prints ADD COLUMN print_size_id text REFERENCES print_sizes (id);

-- Sizes were typed by hand: '10 x 15', '10X15cm', '15×10' all mean one size.
UPDATE prints
SET print_size_id = print_sizes.id
FROM print_sizes
WHERE replace(replace(replace(lower(prints.size), ' ', ''), '×', 'x'), 'cm', '') IN (
    print_sizes.code,
    (print_sizes.height_mm / 10) || 'x' || (print_sizes.width_mm / 10)
);

CREATE INDEX prints_print_size_id ON prints (print_size_id);
