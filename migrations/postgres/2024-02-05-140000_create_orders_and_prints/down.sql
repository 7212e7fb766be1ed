DROP TABLE prints;
DROP TABLE orders;
