-- Children first: dropping a parent deletes its rows, which the children forbid.
DROP TABLE customers;
DROP TABLE studios;
