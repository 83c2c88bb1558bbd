//! Packs are found, fetched, switched in and removed, against a real daemon and real repositories.

mod alone;
mod faults;
mod index;
mod install;
mod network;
mod repository;
mod shipped;
