-- 0147: find open orders by customer without reading the whole table
SET lock_timeout = '2s';

CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_open_by_customer
    ON orders (customer_id, placed_at DESC)
    WHERE state IN ('paid', 'packed');

ANALYZE orders;
