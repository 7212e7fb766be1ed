//! Backups of real servers, and every way in which one may fail: rows C32–C40 and A14 of
//! the fault matrix.

mod attack;
mod faults;
mod place;
mod proof;
mod without_superuser;
