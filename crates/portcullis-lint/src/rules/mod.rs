//! Every rule, one file each.

use crate::rule::Rule;

/// A rule is named once, here. (rustfmt doesn't follow modules that a macro declares; a
/// test checks these files.)
macro_rules! rules {
    ($($name:ident)*) => {
        $(mod $name;)*

        /// Every rule, sorted by id.
        pub static RULES: &[&Rule] = &[$(&$name::RULE),*];
    };
}

rules! {
    accept_again
    accepted_missing
    allow_malformed
    allow_unused
    byte_order_mark
    crlf
    dangerous_pragma
    data_loss
    draft
    draft_out_of_order
    duplicate_version
    edited_comments
    edited_line_endings
    edited_sql
    empty_down
    empty_up
    file_too_large
    invalid_utf8
    merge_conflict
    metadata_key_missing
    metadata_malformed
    metadata_unknown_key
    missing_down
    not_a_migration
    not_in_transaction
    nul_byte
    other_way
    out_of_order
    outside_database
    own_tables
    parity_missing
    pragma_foreign_keys_in_transaction
    set_not_null
    several_statements_outside_transaction
    stray_file
    stray_note
    sum_line_missing
    sum_malformed
    symlink
    template_text
    transaction_control
    unclosed_quote
    unreadable_file
    unusual_name
    unusual_version
}

/// Runs when all others have: it is about what they found.
pub(crate) const LAST: &Rule = &allow_unused::RULE;
