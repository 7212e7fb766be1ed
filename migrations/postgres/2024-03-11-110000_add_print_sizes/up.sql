CREATE TABLE print_sizes (
    id text PRIMARY KEY,
    code text NOT NULL UNIQUE,
    width_mm integer NOT NULL,
    height_mm integer NOT NULL,
    price_cents integer NOT NULL
);

-- Fixed identifiers: price lists outside this database refer to them.
INSERT INTO print_sizes (id, code, width_mm, height_mm, price_cents) VALUES
    ('0c5b7e92-3a1d-4f68-b4e7-2d9f81a6c350', '10x15', 100, 150, 390),
    ('47e1d8a3-6c92-4b05-9d3f-8a0b5c7e1f24', '13x18', 130, 180, 590),
    ('92a6f0c4-d815-4e7b-8c49-1f3e6d5a7b08', '20x20', 200, 200, 1190),
    ('d50e3b7f-8a24-4196-a7bc-5c9d0e2f4a61', '20x30', 200, 300, 1490),
    ('f7b82c16-5e9d-4a30-bf51-3e6a7c8d9042', '30x45', 300, 450, 2990);
