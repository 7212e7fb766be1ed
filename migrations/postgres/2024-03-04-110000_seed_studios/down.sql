-- Studios in use stay: deleting them would orphan customers and sessions.
DELETE FROM studios
WHERE id IN (
    '6f1c2a0e-4b7d-4e53-9c1f-0a8d5e2b7c11',
    'b3d94f58-12c6-4a7e-8f20-6e5c9a1d3b42',
    'e87a5d31-9f04-4c6b-a2d8-71b3c0f4e963'
)
AND NOT EXISTS (SELECT 1 FROM customers WHERE customers.studio_id = studios.id)
AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.studio_id = studios.id);
