//! One struct per table. The application makes the keys, so what is inserted is what is
//! read back: the same struct serves both, on either engine.

use diesel::prelude::*;
use time::{Date, PrimitiveDateTime};

use crate::schema::{
    composition_photographs, compositions, customers, orders, photographs, print_sizes, prints,
    sessions, studios,
};

/// A studio of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(table_name = studios, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub struct Studio {
    /// GUID.
    pub id: String,
    /// What the sign above the door says.
    pub name: String,
    /// Where it is.
    pub city: Option<String>,
    /// The day it opened.
    pub opened_on: Option<Date>,
}

/// Someone who had photographs taken or ordered prints.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Associations, Insertable,
)]
#[diesel(table_name = customers, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
#[diesel(belongs_to(Studio))]
pub struct Customer {
    /// GUID.
    pub id: String,
    /// The studio they usually come to.
    pub studio_id: Option<String>,
    /// Given name; the whole of a name without a blank. May be empty.
    pub given_name: String,
    /// The rest of the name. May be empty.
    pub family_name: String,
    /// Lower case, without blanks around it, unique.
    pub email: Option<String>,
    /// As they wrote it.
    pub phone: Option<String>,
    /// Whether they may be written to unasked.
    pub marketing_consent: bool,
    /// When the row was made, in UTC.
    pub created_at: PrimitiveDateTime,
}

/// An appointment in a studio.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Associations, Insertable,
)]
#[diesel(table_name = sessions, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
#[diesel(belongs_to(Studio))]
#[diesel(belongs_to(Customer))]
pub struct Session {
    /// GUID.
    pub id: String,
    /// Where.
    pub studio_id: String,
    /// For whom.
    pub customer_id: String,
    /// When.
    pub held_at: PrimitiveDateTime,
    /// By whom; free text.
    pub photographer: Option<String>,
}

/// One exposure; deleted with its session.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Associations, Insertable,
)]
#[diesel(table_name = photographs, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
#[diesel(belongs_to(Session))]
pub struct Photograph {
    /// GUID.
    pub id: String,
    /// The session it was taken in.
    pub session_id: String,
    /// The name the camera gave it.
    pub file_name: String,
    /// What the customer thought of it.
    pub rating: Option<i32>,
    /// When the shutter opened.
    pub taken_at: Option<PrimitiveDateTime>,
    /// Of the file, once it was read.
    pub checksum: Option<String>,
    /// When it left the counter's list.
    pub archived_at: Option<PrimitiveDateTime>,
}

/// Photographs arranged to be printed together; deleted with its session.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Associations, Insertable,
)]
#[diesel(table_name = compositions, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
#[diesel(belongs_to(Session))]
pub struct Composition {
    /// GUID.
    pub id: String,
    /// The session it is made of.
    pub session_id: String,
    /// What the customer calls it.
    pub title: Option<String>,
    /// Name of the arrangement.
    pub layout: String,
}

/// A photograph's place in a composition.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Associations, Insertable,
)]
#[diesel(table_name = composition_photographs, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
#[diesel(primary_key(composition_id, photograph_id))]
#[diesel(belongs_to(Composition))]
#[diesel(belongs_to(Photograph))]
pub struct CompositionPhotograph {
    /// The composition.
    pub composition_id: String,
    /// The photograph.
    pub photograph_id: String,
    /// Its place, in reading order.
    pub position: i32,
}

/// What a customer ordered at once.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Associations, Insertable,
)]
#[diesel(table_name = orders, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
#[diesel(belongs_to(Customer))]
#[diesel(belongs_to(Studio))]
pub struct Order {
    /// GUID.
    pub id: String,
    /// Who ordered.
    pub customer_id: String,
    /// The studio that earns it.
    pub studio_id: Option<String>,
    /// When.
    pub placed_at: PrimitiveDateTime,
    /// `open`, `paid`, `shipped` or `cancelled`.
    pub status: String,
    /// Free text.
    pub note: Option<String>,
    /// Price of all prints, kept by triggers; none while a size is unknown.
    pub total_cents: Option<i32>,
}

/// A size that can be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(table_name = print_sizes, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub struct PrintSize {
    /// GUID.
    pub id: String,
    /// What it is called at the counter, such as `10x15`.
    pub code: String,
    /// Shorter side.
    pub width_mm: i32,
    /// Longer side.
    pub height_mm: i32,
    /// Price of one print.
    pub price_cents: i32,
}

/// A line of an order; deleted with it.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, Associations, Insertable,
)]
#[diesel(table_name = prints, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
#[diesel(belongs_to(Order))]
#[diesel(belongs_to(Composition))]
#[diesel(belongs_to(PrintSize))]
pub struct Print {
    /// GUID.
    pub id: String,
    /// The order.
    pub order_id: String,
    /// What is printed; it can't be deleted while a print of it is here.
    pub composition_id: String,
    /// The size as it was written down.
    pub size: Option<String>,
    /// How many.
    pub quantity: i32,
    /// The size that was meant, if that is known.
    pub print_size_id: Option<String>,
}
