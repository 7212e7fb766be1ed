//! `accept`: lists drafts in `migrations.sum`.
