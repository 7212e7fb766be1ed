-- The application's tables as somebody who inserts sees them; one row each with its parts as
-- JSON. What belongs to an extension, bookkeeping, partitions and foreign tables are left out.
WITH RECURSIVE own AS (
    SELECT c.oid, c.relname AS name,
           CASE WHEN n.nspname = 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END
               || quote_ident(c.relname) AS sql
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
      AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
      AND c.relname NOT LIKE '\_\_portcullis\_%' AND c.relname <> '__diesel_schema_migrations'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
), base(type, below, mod, checked) AS (
    -- What a domain is made of.
    SELECT oid, CASE WHEN typtype = 'd' THEN typbasetype ELSE oid END, typtypmod, typnotnull
    FROM pg_type WHERE oid IN (SELECT atttypid FROM pg_attribute WHERE attrelid IN (SELECT oid FROM own))
    UNION ALL
    SELECT base.type, t.typbasetype, t.typtypmod, base.checked OR t.typnotnull
    FROM base JOIN pg_type t ON t.oid = base.below WHERE t.typtype = 'd'
)
SELECT own.name, own.sql, (
    SELECT coalesce(json_agg(json_build_object(
        'number', a.attnum, 'name', a.attname, 'sql', quote_ident(a.attname),
        'declared', format_type(a.atttypid, a.atttypmod),
        'type', t.typname, 'category', t.typcategory,
        'mod', CASE WHEN a.atttypmod <> -1 THEN a.atttypmod ELSE base.mod END,
        'notnull', a.attnotnull OR base.checked,
        'computed', coalesce(to_jsonb(a)->>'attgenerated', '') <> '',
        'identity', coalesce(to_jsonb(a)->>'attidentity', ''),
        'default', pg_get_expr(d.adbin, d.adrelid),
        'labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)
    ) ORDER BY a.attnum), '[]')
    FROM pg_attribute a JOIN base ON base.type = a.atttypid JOIN pg_type t ON t.oid = base.below AND t.typtype <> 'd'
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = own.oid AND a.attnum > 0 AND NOT a.attisdropped
)::text, (
    SELECT coalesce(json_agg(json_build_object(
        'columns', i.indkey::int2[], 'text', pg_get_indexdef(i.indexrelid),
        'plain', i.indpred IS NULL AND i.indexprs IS NULL, 'primary', i.indisprimary,
        'own', (SELECT json_agg(DISTINCT r.refobjsubid) FROM pg_depend r
                WHERE r.classid = 'pg_class'::regclass AND r.objid = i.indexrelid
                  AND r.refobjid = own.oid AND r.refobjsubid > 0),
        'width', i.indnkeyatts) ORDER BY i.indexrelid), '[]')
    FROM pg_index i WHERE i.indrelid = own.oid AND i.indisunique
)::text, (
    SELECT coalesce(json_agg(json_build_object(
        'columns', k.conkey, 'parent',
        CASE WHEN n.nspname = 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END || quote_ident(p.relname),
        'referenced', (SELECT json_agg(a.attname ORDER BY u.place) FROM unnest(k.confkey) WITH ORDINALITY u(number, place)
                       JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number)
        ) ORDER BY k.oid), '[]')
    FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace n ON n.oid = p.relnamespace
    WHERE k.conrelid = own.oid AND k.contype = 'f'
)::text, (
    SELECT coalesce(json_agg(pg_get_constraintdef(k.oid) ORDER BY k.oid), '[]')
    FROM pg_constraint k WHERE k.contype = 'c'
      AND (k.conrelid = own.oid OR k.contypid IN (
           SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = own.oid AND a.attnum > 0 AND NOT a.attisdropped))
)::text
FROM own ORDER BY own.sql
