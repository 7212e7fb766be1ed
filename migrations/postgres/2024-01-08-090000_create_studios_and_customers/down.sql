-- Children first: what is referenced can't be dropped.
DROP TABLE customers;
DROP TABLE studios;
