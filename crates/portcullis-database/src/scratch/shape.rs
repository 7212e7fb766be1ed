//! What a table looks like to somebody who wants to put rows into it.

/// A table that takes rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// Its name without quotes and without its schema.
    pub name: String,
    /// Its name as SQL.
    pub sql: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// What may be there once only.
    pub uniques: Vec<Unique>,
    /// Its foreign keys.
    pub keys: Vec<ForeignKey>,
    /// Its CHECK constraints, or a text that holds them.
    pub checks: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name without quotes.
    pub name: String,
    /// Its name as SQL.
    pub sql: String,
    /// Its type as the schema has it.
    pub declared: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether NULL may be in it.
    pub nullable: bool,
    /// Where its value comes from if nobody gives one.
    pub filled: Filled,
    /// Whether it takes values of another kind, too: SQLite's columns do unless told not to.
    pub loose: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// From whoever inserts; otherwise it is NULL.
    Given,
    /// From a constant or an expression.
    Default,
    /// From a counter.
    Counter,
    /// From a counter, and from nobody else without being overridden.
    CounterAlways,
    /// It is computed: nobody may give one.
    Computed,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers of so many bits.
    Integer(u32),
    /// Floating-point numbers of so many bits.
    Real(u32),
    /// Decimal numbers: digits in all and behind the point, where there is a limit.
    Numeric(Option<(u32, i32)>),
    /// Text of at most so many characters.
    Text(Option<usize>),
    /// Bytes.
    Bytes,
    /// Yes and no.
    Bool,
    /// A day.
    Date,
    /// A point in time.
    Timestamp,
    /// A time of day.
    Time,
    /// A length of time.
    Interval,
    /// A UUID.
    Uuid,
    /// JSON.
    Json,
    /// One of these words.
    Enum(Vec<String>),
    /// An array of something.
    Array,
    /// Something else, by PostgreSQL's name of its type.
    Other(String),
}

/// Columns whose values together may be there once only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// Their places in the table; those that an expression holds too, as far as they are known.
    pub columns: Vec<usize>,
    /// Whether it is so for every row and for the values as they are. An index on expressions,
    /// or on some of the rows, isn't.
    pub plain: bool,
    /// Whether it is the primary key.
    pub primary: bool,
}

/// Columns that refer to another table's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Their places in the table.
    pub columns: Vec<usize>,
    /// The other table, as SQL.
    pub parent: String,
    /// The other's columns.
    pub referenced: Vec<String>,
}
