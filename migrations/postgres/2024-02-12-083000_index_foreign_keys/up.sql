-- PostgreSQL makes no index for a foreign key; without one, each delete of a parent
-- reads the whole child table. Not CONCURRENTLY: the tables are young, and nine migrations
-- of one statement would be needed.
CREATE INDEX customers_studio_id ON customers (studio_id);
CREATE INDEX sessions_studio_id ON sessions (studio_id);
CREATE INDEX sessions_customer_id ON sessions (customer_id);
CREATE INDEX photographs_session_id ON photographs (session_id);
CREATE INDEX compositions_session_id ON compositions (session_id);
CREATE INDEX composition_photographs_photograph_id ON composition_photographs (photograph_id);
CREATE INDEX orders_customer_id ON orders (customer_id);
CREATE INDEX prints_order_id ON prints (order_id);
CREATE INDEX prints_composition_id ON prints (composition_id);
